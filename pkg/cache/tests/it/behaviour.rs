//! What every kind of cache does, on every kind of server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fanone_cache::{Cache, CacheError, SET_MEMBERS_MAX, SingleFlight, TOP_MAX, VALUE_BYTES_MAX};
use futures::future::join_all;
use tokio::time::sleep;

use crate::common::{cache, key, patient, server};

const TTL: Duration = Duration::from_secs(60);
/// A short time to live, and a time after which it is over.
const SHORT: Duration = Duration::from_millis(300);
const AFTER_SHORT: Duration = Duration::from_millis(700);

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn values_are_kept_until_they_expire_or_are_removed(cache: Arc<dyn Cache>) {
    let [long, short, gone] = [key("long"), key("short"), key("gone")];
    cache.set(&long, bytes("v"), SHORT).await.unwrap();
    cache.set(&long, bytes("w"), TTL).await.unwrap();
    cache.set(&short, bytes("v"), SHORT).await.unwrap();
    cache.set(&gone, Bytes::new(), TTL).await.unwrap();
    assert_eq!(cache.get(&gone).await.unwrap(), Some(Bytes::new()), "an empty value is a value");
    cache.remove(&[&gone, "unknown"]).await.unwrap();
    sleep(AFTER_SHORT).await;
    let found = [&long, &short, &gone].map(|key| cache.get(key));
    let found: Vec<_> = join_all(found).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, [Some(bytes("w")), None, None]);
}

async fn of_many_that_add_at_once_one_does(cache: Arc<dyn Cache>) {
    let [lock, counter] = [key("lock"), key("counter")];
    let added = join_all((0..64).map(|_| cache.add(&lock, Bytes::new(), TTL))).await;
    assert_eq!(added.into_iter().filter(|added| *added.as_ref().unwrap()).count(), 1);
    let mut counts: Vec<i64> = join_all((0..64).map(|_| cache.incr(&counter, 1, TTL)))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=64).collect::<Vec<i64>>());
}

async fn what_is_added_again_after_its_time_is_new(cache: Arc<dyn Cache>) {
    let lock = key("lock");
    assert!(cache.add(&lock, Bytes::new(), SHORT).await.unwrap());
    sleep(AFTER_SHORT).await;
    assert!(cache.add(&lock, Bytes::new(), TTL).await.unwrap());
}

async fn a_counter_lives_for_the_window_of_its_first_call(cache: Arc<dyn Cache>) {
    let counter = key("counter");
    assert_eq!(cache.incr(&counter, 2, SHORT).await.unwrap(), 2);
    cache.incr(&counter, 3, TTL).await.unwrap();
    sleep(AFTER_SHORT).await;
    assert_eq!(cache.incr(&counter, 1, TTL).await.unwrap(), 1);
    assert_eq!(cache.incr(&counter, i64::MAX, TTL).await.unwrap(), i64::MAX, "no overflow");
}

async fn a_ranking_is_paged_by_falling_score_then_member(cache: Arc<dyn Cache>) {
    let ranking = key("ranking");
    // As text, 9 would come after 10.
    cache.zset_add(&ranking, &[(1, 1.0), (9, 5.0), (10, 5.0)], TTL).await.unwrap();
    cache.zset_add(&ranking, &[(1, 9.5), (i64::MAX, -0.5)], TTL).await.unwrap();
    assert_eq!(cache.zset_top(&ranking, 0, 3).await.unwrap(), [(1, 9.5), (10, 5.0), (9, 5.0)]);
    assert_eq!(cache.zset_top(&ranking, 3, 3).await.unwrap(), [(i64::MAX, -0.5)]);
    cache.zset_remove(&ranking, &[1, 77]).await.unwrap();
    assert_eq!(cache.zset_top(&ranking, 0, 1).await.unwrap(), [(10, 5.0)]);
    assert!(cache.zset_top(&ranking, 0, 0).await.unwrap().is_empty());
    assert!(cache.zset_top(&key("unknown"), 0, 3).await.unwrap().is_empty());
    cache.remove(&[&ranking]).await.unwrap();
    assert!(cache.zset_top(&ranking, 0, 3).await.unwrap().is_empty());
}

async fn a_raised_score_never_falls(cache: Arc<dyn Cache>) {
    let ranking = key("ranking");
    cache.zset_raise(&ranking, &[(1, 5.0), (2, 7.0)], TTL).await.unwrap();
    cache.zset_raise(&ranking, &[(1, 4.0), (2, 8.0), (3, 1.0)], TTL).await.unwrap();
    assert_eq!(cache.zset_top(&ranking, 0, 9).await.unwrap(), [(2, 8.0), (1, 5.0), (3, 1.0)]);
}

async fn a_ranking_expires_after_its_last_change(cache: Arc<dyn Cache>) {
    let [kept, lost] = [key("kept"), key("lost")];
    cache.zset_add(&kept, &[(1, 1.0)], SHORT).await.unwrap();
    cache.zset_raise(&kept, &[(2, 1.0)], TTL).await.unwrap();
    cache.zset_add(&lost, &[(1, 1.0)], SHORT).await.unwrap();
    sleep(AFTER_SHORT).await;
    assert_eq!(cache.zset_top(&kept, 0, 9).await.unwrap().len(), 2);
    assert!(cache.zset_top(&lost, 0, 9).await.unwrap().is_empty());
}

async fn the_lowest_of_a_full_ranking_are_dropped(cache: Arc<dyn Cache>) {
    let ranking = key("ranking");
    let members = i64::try_from(SET_MEMBERS_MAX).unwrap() + 5;
    let items: Vec<(i64, f64)> = (0..members).map(|id| (id, f64::from(i32::try_from(id).unwrap()))).collect();
    for items in items.chunks(20_000) {
        cache.zset_add(&ranking, items, TTL).await.unwrap();
    }
    assert_eq!(cache.zset_top(&ranking, SET_MEMBERS_MAX - 1, 9).await.unwrap(), [(5, 5.0)]);
    assert_eq!(cache.zset_top(&ranking, 0, usize::MAX).await.unwrap().len(), TOP_MAX);
    cache.remove(&[&ranking]).await.unwrap();
}

async fn shared_values_are_read_in_the_order_of_their_keys(cache: Arc<dyn Cache>) {
    let keys: Vec<String> = (0..20).map(|number| key(&number.to_string())).collect();
    let items: Vec<(&str, Bytes)> = keys.iter().map(|key| (key.as_str(), bytes(key))).collect();
    cache.shared_set(&items, TTL).await.unwrap();
    let mut asked: Vec<&str> = keys.iter().rev().map(String::as_str).collect();
    asked.push("unknown");
    let found = cache.shared_get(&asked).await.unwrap();
    let expected: Vec<Option<Bytes>> = keys.iter().rev().map(|key| Some(bytes(key))).chain([None]).collect();
    assert_eq!(found, expected);
    assert!(cache.shared_get(&[]).await.unwrap().is_empty());
    cache.remove(&asked).await.unwrap();
    assert!(cache.shared_get(&asked).await.unwrap().iter().all(Option::is_none));
}

/// Two of them on one cache are as two processes.
async fn a_value_is_loaded_once_for_all_processes(cache: Arc<dyn Cache>) {
    let (processes, loads) = ([(); 2].map(|()| SingleFlight::new(cache.clone())), AtomicUsize::new(0));
    let [present, absent] = [key("present"), key("absent")];
    let load = |found: Option<Bytes>| {
        let loads = &loads;
        async move {
            loads.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            Ok::<_, String>(found)
        }
    };
    for (key, found) in [(&present, Some(bytes("v"))), (&absent, None)] {
        let all = (0..20).map(|number| processes[number % 2].get_or_load(key, TTL, TTL, load(found.clone())));
        assert!(join_all(all).await.into_iter().all(|value| value.unwrap() == found));
        // A process that had to wait too long loads for itself, so it may be two.
        assert!(loads.swap(0, Ordering::SeqCst) <= 2);
        processes[0].get_or_load(key, TTL, TTL, load(found.clone())).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 0, "it is kept");
    }
}

async fn sizes_are_bounded(cache: Arc<dyn Cache>) {
    let (largest, larger) =
        (Bytes::from(vec![7; VALUE_BYTES_MAX]), Bytes::from(vec![7; VALUE_BYTES_MAX + 1]));
    let own = key("large");
    cache.set(&own, largest.clone(), TTL).await.unwrap();
    assert!(cache.get(&own).await.unwrap() == Some(largest));
    cache.remove(&[&own]).await.unwrap();
    assert!(matches!(cache.set(&own, larger.clone(), TTL).await, Err(CacheError::Value { .. })));
    assert!(matches!(cache.publish(&own, larger.clone()).await, Err(CacheError::Value { .. })));
    assert!(matches!(cache.shared_set(&[(&own, larger)], TTL).await, Err(CacheError::Value { .. })));
    assert!(matches!(cache.get("").await, Err(CacheError::Key { .. })));
    assert!(matches!(cache.shared_get(&[""]).await, Err(CacheError::Key { .. })));
}

async fn a_server_that_is_there_is_fit_and_was_never_away(cache: Arc<dyn Cache>) {
    cache.ping().await.unwrap();
    assert_eq!(cache.epoch(), 0);
}

/// Makes a test of each behaviour on each kind of cache.
macro_rules! on {
    ($kind:ident, $url:expr, [$($behaviour:ident),* $(,)?]) => {
        mod $kind {
            use super::{cache, patient};
            $(
                #[tokio::test]
                async fn $behaviour() {
                    super::$behaviour(cache(&$url, &patient())).await;
                }
            )*
        }
    };
}

macro_rules! on_each {
    ($behaviours:tt) => {
        on!(memory, "memory:", $behaviours);
        on!(redis, super::server("redis"), $behaviours);
        on!(sentinel, super::server("sentinel"), $behaviours);
        on!(cluster, super::server("cluster"), $behaviours);
    };
}

on_each!([
    values_are_kept_until_they_expire_or_are_removed,
    of_many_that_add_at_once_one_does,
    what_is_added_again_after_its_time_is_new,
    a_counter_lives_for_the_window_of_its_first_call,
    a_ranking_is_paged_by_falling_score_then_member,
    a_raised_score_never_falls,
    a_ranking_expires_after_its_last_change,
    the_lowest_of_a_full_ranking_are_dropped,
    shared_values_are_read_in_the_order_of_their_keys,
    a_value_is_loaded_once_for_all_processes,
    sizes_are_bounded,
    a_server_that_is_there_is_fit_and_was_never_away,
]);
