//! Redis cut off, stalled and slow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanone_cache::{Cache, CacheError, Options};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use crate::common::{PATIENCE, cache, key, patient, server};
use crate::proxy::{Proxy, Way};

const TTL: Duration = Duration::from_secs(600);
/// Short enough to be noticed, long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const NOISE: Duration = Duration::from_secs(2);

fn options() -> Options {
    Options { timeout: DEADLINE, connect_timeout: DEADLINE, connections: 2 }
}

/// A cache behind a proxy, connected.
async fn disturbed() -> (Proxy, Arc<dyn Cache>) {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let cache = cache(&url, &options());
    cache.ping().await.unwrap();
    (proxy, cache)
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Waits until the server has come back `times` times.
pub(crate) async fn back(cache: &Arc<dyn Cache>, times: u64) {
    let end = Instant::now() + PATIENCE;
    while cache.epoch() < times {
        assert!(Instant::now() < end, "the cache is not back");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_takes_longer_than_its_deadline() {
    for way in [Way::Stalled, Way::Cut, Way::Slow(PATIENCE)] {
        let (proxy, cache) = disturbed().await;
        proxy.set(way);
        let (key, started) = (key("k"), Instant::now());
        let all = async {
            tokio::join!(
                async { cache.get(&key).await.unwrap() },
                async { cache.set(&key, bytes("v"), TTL).await.unwrap() },
                async { cache.add(&key, bytes("v"), TTL).await.unwrap() },
                async { cache.incr(&key, 1, TTL).await.unwrap() },
                async { cache.remove(&[&key]).await.unwrap() },
                async { cache.publish(&key, bytes("v")).await.unwrap() },
                async { drop(cache.subscribe(&key).await.unwrap()) },
                async { assert!(matches!(cache.zset_top(&key, 0, 1).await, Err(CacheError::Away))) },
                async {
                    assert!(matches!(cache.zset_raise(&key, &[(1, 1.0)], TTL).await, Err(CacheError::Away)))
                },
                async { assert!(matches!(cache.shared_get(&[&key]).await, Err(CacheError::Away))) },
            )
        };
        timeout(PATIENCE, all).await.unwrap();
        assert!(started.elapsed() < DEADLINE + NOISE, "{way:?}: {:?}", started.elapsed());
        // From now on nobody waits: one by one these would take minutes.
        let started = Instant::now();
        for _ in 0..500 {
            cache.get(&key).await.unwrap();
            assert!(matches!(cache.shared_get(&[&key]).await, Err(CacheError::Away)));
        }
        assert!(started.elapsed() < PATIENCE, "{way:?}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn limits_and_locks_stay_in_force_without_the_server() {
    let (proxy, cache) = disturbed().await;
    proxy.set(Way::Cut);
    let [counter, lock] = [key("counter"), key("lock")];
    let mut counts: Vec<i64> = join_all((0..50).map(|_| cache.incr(&counter, 1, TTL)))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<i64>>());
    let added = join_all((0..50).map(|_| cache.add(&lock, Bytes::new(), TTL))).await;
    assert_eq!(added.into_iter().filter(|added| *added.as_ref().unwrap()).count(), 1);
}

#[tokio::test]
async fn no_stale_value_is_left_when_the_server_is_back() {
    let other = cache(&server("redis"), &patient());
    for way in [Way::Cut, Way::Stalled] {
        let (proxy, cache) = disturbed().await;
        let [removed, replaced, read] = [key("removed"), key("replaced"), key("read")];
        for key in [&removed, &replaced, &read] {
            cache.set(key, bytes("old"), TTL).await.unwrap();
        }
        proxy.set(way);
        cache.remove(&[&removed]).await.unwrap();
        cache.set(&replaced, bytes("new"), TTL).await.unwrap();
        assert_eq!(cache.get(&replaced).await.unwrap(), Some(bytes("new")), "known in this process");
        assert_eq!(cache.get(&removed).await.unwrap(), None);
        assert_eq!(other.get(&removed).await.unwrap(), Some(bytes("old")));
        proxy.set(Way::Open);
        back(&cache, 1).await;
        for cache in [&cache, &other] {
            assert_eq!(cache.get(&removed).await.unwrap(), None, "{way:?}");
            assert_eq!(cache.get(&replaced).await.unwrap(), None, "{way:?}");
            assert_eq!(cache.get(&read).await.unwrap(), Some(bytes("old")), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_mark_that_was_added_meanwhile_is_there_for_all_when_the_server_is_back() {
    let (proxy, cache) = disturbed().await;
    let other = crate::common::cache(&server("redis"), &patient());
    let [mark, taken_back] = [key("mark"), key("taken back")];
    proxy.set(Way::Cut);
    for key in [&mark, &taken_back] {
        assert!(cache.add(key, bytes("1"), TTL).await.unwrap());
    }
    cache.remove(&[&taken_back]).await.unwrap();
    assert_eq!(other.get(&mark).await.unwrap(), None);
    proxy.set(Way::Open);
    back(&cache, 1).await;
    assert_eq!(other.get(&mark).await.unwrap(), Some(bytes("1")));
    assert!(!cache.add(&mark, bytes("2"), TTL).await.unwrap());
    assert_eq!(other.get(&taken_back).await.unwrap(), None);
}

/// In a database of its own, because it empties it.
#[tokio::test]
async fn more_changed_keys_than_are_remembered_empty_the_cache() {
    let url = format!("{}/9", server("redis").trim_end_matches('/'));
    let (proxy, through) = Proxy::new(&url).await;
    let (cache, other) = (cache(&through, &options()), cache(&url, &patient()));
    cache.ping().await.unwrap();
    let late = key("late");
    other.set(&late, bytes("old"), TTL).await.unwrap();
    proxy.set(Way::Cut);
    for number in 0..10_000 {
        cache.remove(&[&format!("k{number}")]).await.unwrap();
    }
    cache.remove(&[&late]).await.unwrap();
    proxy.set(Way::Open);
    back(&cache, 1).await;
    assert_eq!(other.get(&late).await.unwrap(), None);
}

#[tokio::test]
async fn a_slow_server_is_not_away() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let cache = cache(&url, &patient());
    cache.ping().await.unwrap();
    proxy.set(Way::Slow(Duration::from_millis(20)));
    let key = key("k");
    cache.shared_set(&[(&key, bytes("v"))], TTL).await.unwrap();
    assert_eq!(cache.shared_get(&[&key]).await.unwrap(), [Some(bytes("v"))]);
    assert_eq!(cache.epoch(), 0);
}

/// As when the server closes what is idle.
#[tokio::test]
async fn a_connection_that_is_closed_is_no_outage() {
    let (proxy, url) = Proxy::new(&server("redis")).await;
    let cache = cache(&url, &patient());
    let key = key("k");
    for number in 1..=4 {
        assert_eq!(cache.incr(&key, 1, TTL).await.unwrap(), number);
        proxy.set(Way::Cut);
        sleep(Duration::from_millis(50)).await;
        proxy.set(Way::Open);
    }
    assert_eq!(cache.epoch(), 0);
}

#[tokio::test]
async fn each_return_of_the_server_is_counted() {
    let (proxy, cache) = disturbed().await;
    for times in 1..=3 {
        proxy.set(Way::Cut);
        while cache.shared_get(&["k"]).await.is_ok() {}
        assert_eq!(cache.epoch(), times - 1);
        proxy.set(Way::Open);
        back(&cache, times).await;
        cache.shared_get(&["k"]).await.unwrap();
    }
}
