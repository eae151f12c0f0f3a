//! Messages between processes; two caches on one server are as two processes.

use std::time::Duration;

use bytes::Bytes;
use fanone_cache::{Event, Options, Subscription};
use tokio::time::timeout;

use crate::common::{PATIENCE, cache, key, patient, server};
use crate::outages::back;
use crate::proxy::{Proxy, Way};

fn message(text: &str) -> Event {
    Event::Message(Bytes::copy_from_slice(text.as_bytes()))
}

async fn next(subscription: &mut Subscription) -> Event {
    timeout(PATIENCE, subscription.next()).await.expect("nothing was heard").unwrap()
}

async fn is_heard_by_all_once(url: &str) {
    let (here, there) = (cache(url, &patient()), cache(url, &patient()));
    let channel = key("channel");
    let mut listeners = [
        here.subscribe(&channel).await.unwrap(),
        here.subscribe(&channel).await.unwrap(),
        there.subscribe(&channel).await.unwrap(),
    ];
    let mut other = there.subscribe(&key("other")).await.unwrap();
    for text in ["one", "two"] {
        here.publish(&channel, Bytes::from_static(text.as_bytes())).await.unwrap();
    }
    there.publish(&channel, Bytes::from_static(b"three")).await.unwrap();
    for listener in &mut listeners {
        let mut heard = Vec::new();
        for _ in 0..3 {
            heard.push(next(listener).await);
        }
        // Two publishers have no order between them.
        heard.retain(|event| *event != message("three"));
        assert_eq!(heard, [message("one"), message("two")]);
    }
    // What was sent twice would come before what is sent now.
    here.publish(&channel, Bytes::from_static(b"last")).await.unwrap();
    for listener in &mut listeners {
        assert_eq!(next(listener).await, message("last"));
    }
    assert!(timeout(Duration::from_millis(100), other.next()).await.is_err());
}

#[tokio::test]
async fn a_message_is_heard_by_all_once_on_a_server() {
    is_heard_by_all_once(&server("redis")).await;
}

#[tokio::test]
async fn a_message_is_heard_by_all_once_on_a_primary() {
    is_heard_by_all_once(&server("sentinel")).await;
}

#[tokio::test]
async fn a_message_is_heard_by_all_once_on_a_cluster() {
    is_heard_by_all_once(&server("cluster")).await;
}

#[tokio::test]
async fn a_channel_without_subscribers_is_left_and_can_be_joined_again() {
    let url = server("redis");
    let (here, there) = (cache(&url, &patient()), cache(&url, &patient()));
    let channel = key("channel");
    for _ in 0..20 {
        let mut listener = here.subscribe(&channel).await.unwrap();
        there.publish(&channel, Bytes::from_static(b"m")).await.unwrap();
        assert_eq!(next(&mut listener).await, message("m"));
    }
}

#[tokio::test]
async fn subscribers_are_told_after_a_cut_that_they_may_have_missed_something() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let (here, there) = (cache(&url, &patient()), cache(&server("redis"), &patient()));
    let channel = key("channel");
    let mut listener = here.subscribe(&channel).await.unwrap();
    proxy.set(Way::Cut);
    there.publish(&channel, Bytes::from_static(b"lost")).await.unwrap();
    here.publish(&channel, Bytes::from_static(b"own")).await.unwrap();
    assert_eq!(next(&mut listener).await, message("own"), "this process hears itself all the same");
    proxy.set(Way::Open);
    assert!(matches!(next(&mut listener).await, Event::Lagged(_)));
    there.publish(&channel, Bytes::from_static(b"again")).await.unwrap();
    while next(&mut listener).await != message("again") {}
}

#[tokio::test]
async fn who_subscribes_without_the_server_is_told_when_it_is_there() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    proxy.set(Way::Cut);
    let here = cache(&url, &Options::default());
    let mut listener = here.subscribe(&key("channel")).await.unwrap();
    proxy.set(Way::Open);
    assert!(matches!(next(&mut listener).await, Event::Lagged(_)));
}

#[tokio::test]
async fn the_others_are_told_of_what_could_not_be_published() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let (here, there) = (cache(&url, &patient()), cache(&server("redis"), &patient()));
    here.ping().await.unwrap();
    let channel = key("channel");
    let mut listener = there.subscribe(&channel).await.unwrap();
    proxy.set(Way::Cut);
    here.publish(&channel, Bytes::from_static(b"lost")).await.unwrap();
    proxy.set(Way::Open);
    back(&here, 1).await;
    assert!(matches!(next(&mut listener).await, Event::Lagged(_)));
}

/// Nothing is closed, and nothing comes: only a check finds it.
#[tokio::test]
async fn a_silent_connection_is_found_and_replaced() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let (here, there) = (cache(&url, &Options::default()), cache(&server("redis"), &patient()));
    let channel = key("channel");
    let mut listener = here.subscribe(&channel).await.unwrap();
    proxy.set(Way::Stalled);
    there.publish(&channel, Bytes::from_static(b"late or lost")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    proxy.set(Way::Open);
    while !matches!(next(&mut listener).await, Event::Lagged(_)) {}
}
