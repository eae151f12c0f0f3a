//! The cache inside this process. Its memory is bounded: when it is full, what was not used for longest is forgotten.

mod sorted;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::policy::EvictionPolicy;

use crate::channels::Channels;
use crate::error::CacheError;
use crate::limits::{TOP_MAX, check_key, check_value};
use crate::subscription::Subscription;
use crate::{Cache, Ranked};
use sorted::SortedSet;

const VALUES_BYTES_MAX: u64 = 64 << 20;
const COUNTERS_MAX: u64 = 200_000;
const SETS_BYTES_MAX: u64 = 32 << 20;
/// What an entry or a member costs beside its own bytes, roughly.
const OVERHEAD_BYTES: usize = 96;

/// Something kept with the time it has to live.
#[derive(Clone)]
struct Kept<T> {
    value: T,
    ttl: Duration,
    weight: u32,
}

type Store<T> = moka::sync::Cache<String, Kept<T>>;

/// Every entry has its own time to live, which begins again when the entry is replaced.
struct OwnTtl;

impl<T> Expiry<String, Kept<T>> for OwnTtl {
    fn expire_after_create(&self, _key: &String, kept: &Kept<T>, _now: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(
        &self,
        _key: &String,
        kept: &Kept<T>,
        _now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.ttl)
    }
}

/// Least recently used goes first: the default policy of the library may refuse a newcomer when it is full, and a
/// refused counter is a limit that does not hold.
fn store<T: Clone + Send + Sync + 'static>(capacity: u64) -> Store<T> {
    moka::sync::Cache::builder()
        .max_capacity(capacity)
        .weigher(|_key, kept: &Kept<T>| kept.weight)
        .eviction_policy(EvictionPolicy::lru())
        .expire_after(OwnTtl)
        .build()
}

fn weight_of(bytes: usize) -> u32 {
    u32::try_from(bytes + OVERHEAD_BYTES).unwrap_or(u32::MAX)
}

pub(crate) struct MemoryCache {
    values: Store<Bytes>,
    counters: Store<Arc<AtomicI64>>,
    sets: Store<Arc<Mutex<SortedSet>>>,
    channels: Channels,
}

impl MemoryCache {
    pub(crate) fn new() -> Self {
        Self {
            values: store(VALUES_BYTES_MAX),
            counters: store(COUNTERS_MAX),
            sets: store(SETS_BYTES_MAX),
            channels: Channels::default(),
        }
    }

    fn change_set(
        &self,
        key: &str,
        ttl: Duration,
        change: impl FnOnce(&mut SortedSet),
    ) -> Result<(), CacheError> {
        check_key(key)?;
        let start = || Kept { value: Arc::default(), ttl, weight: weight_of(key.len()) };
        let set = self.sets.entry_by_ref(key).or_insert_with(start).into_value().value;
        let members = {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut set);
            set.len()
        };
        // Put again, for its new weight and time to live.
        let weight = weight_of(key.len() + members * OVERHEAD_BYTES);
        self.sets.insert(key.to_owned(), Kept { value: set, ttl, weight });
        Ok(())
    }
}

fn kept(key: &str, value: Bytes, ttl: Duration) -> Result<Kept<Bytes>, CacheError> {
    check_key(key)?;
    check_value(&value)?;
    let weight = weight_of(key.len() + value.len());
    // A slice of a larger buffer would keep all of it alive.
    let value = Bytes::copy_from_slice(&value);
    Ok(Kept { value, ttl, weight })
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        check_key(key)?;
        Ok(self.values.get(key).map(|kept| kept.value))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        let kept = kept(key, value, ttl)?;
        self.values.insert(key.to_owned(), kept);
        Ok(())
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Duration) -> Result<bool, CacheError> {
        let kept = kept(key, value, ttl)?;
        Ok(self.values.entry_by_ref(key).or_insert_with(|| kept).is_fresh())
    }

    async fn remove(&self, keys: &[&str]) -> Result<(), CacheError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        for key in keys {
            self.values.invalidate(*key);
            self.counters.invalidate(*key);
            self.sets.invalidate(*key);
        }
        Ok(())
    }

    async fn incr(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, CacheError> {
        check_key(key)?;
        let start = || Kept { value: Arc::new(AtomicI64::new(0)), ttl, weight: 1 };
        let counter = self.counters.entry_by_ref(key).or_insert_with(start).into_value().value;
        let add = |count: i64| Some(count.saturating_add(by));
        let (Ok(before) | Err(before)) = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        Ok(before.saturating_add(by))
    }

    async fn zset_add(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError> {
        self.change_set(key, ttl, |set| set.add(items))
    }

    async fn zset_raise(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError> {
        self.change_set(key, ttl, |set| set.raise(items))
    }

    async fn zset_top(&self, key: &str, offset: usize, limit: usize) -> Result<Vec<Ranked>, CacheError> {
        check_key(key)?;
        let Some(kept) = self.sets.get(key) else { return Ok(Vec::new()) };
        let set = kept.value.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(set.top(offset, limit.min(TOP_MAX)))
    }

    async fn zset_remove(&self, key: &str, members: &[i64]) -> Result<(), CacheError> {
        check_key(key)?;
        if let Some(kept) = self.sets.get(key) {
            kept.value.lock().unwrap_or_else(PoisonError::into_inner).remove(members);
        }
        Ok(())
    }

    async fn shared_get(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, CacheError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        Ok(keys.iter().map(|key| self.values.get(*key).map(|kept| kept.value)).collect())
    }

    async fn shared_set(&self, items: &[(&str, Bytes)], ttl: Duration) -> Result<(), CacheError> {
        for (key, value) in items {
            let kept = kept(key, value.clone(), ttl)?;
            self.values.insert((*key).to_owned(), kept);
        }
        Ok(())
    }

    fn epoch(&self) -> u64 {
        0
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), CacheError> {
        check_key(channel)?;
        check_value(&message)?;
        self.channels.publish(channel, message);
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, CacheError> {
        check_key(channel)?;
        Ok(self.channels.subscribe(channel))
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

    const TTL: Duration = Duration::from_secs(60);
    /// Over at once, so that an expiry is tested without waiting.
    const NO_TIME: Duration = Duration::ZERO;

    #[tokio::test]
    async fn values_are_kept_until_they_expire_or_are_removed() {
        let cache = MemoryCache::new();
        cache.set("k", Bytes::from_static(b"v"), TTL).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap().unwrap(), "v");
        cache.set("k", Bytes::from_static(b"w"), NO_TIME).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap(), None);
        cache.set("k", Bytes::from_static(b"v"), TTL).await.unwrap();
        cache.remove(&["k", "unknown"]).await.unwrap();
        assert_eq!(cache.get("k").await.unwrap(), None);
    }

    #[tokio::test]
    async fn add_succeeds_once_until_the_value_expires() {
        let cache = MemoryCache::new();
        assert!(cache.add("short", Bytes::new(), NO_TIME).await.unwrap());
        assert!(cache.add("short", Bytes::new(), TTL).await.unwrap());
        assert!(!cache.add("short", Bytes::new(), TTL).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_that_add_at_once_one_does() {
        let cache = Arc::new(MemoryCache::new());
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let cache = Arc::clone(&cache);
                tokio::spawn(async move {
                    (cache.add("k", Bytes::new(), TTL).await, cache.incr("n", 1, TTL).await)
                })
            })
            .collect();
        let (mut added, mut counts) = (0, Vec::new());
        for task in tasks {
            let (did, count) = task.await.unwrap();
            added += usize::from(did.unwrap());
            counts.push(count.unwrap());
        }
        counts.sort_unstable();
        assert_eq!(added, 1);
        assert_eq!(counts, (1..=64).collect::<Vec<i64>>());
    }

    #[tokio::test]
    async fn a_counter_begins_again_after_its_window() {
        let cache = MemoryCache::new();
        assert_eq!(cache.incr("n", 2, TTL).await.unwrap(), 2);
        assert_eq!(cache.incr("n", 3, NO_TIME).await.unwrap(), 5, "the window of the first call counts");
        cache.remove(&["n"]).await.unwrap();
        assert_eq!(cache.incr("n", 1, NO_TIME).await.unwrap(), 1);
        assert_eq!(cache.incr("n", 1, TTL).await.unwrap(), 1);
        assert_eq!(cache.incr("n", i64::MAX, TTL).await.unwrap(), i64::MAX);
    }

    #[tokio::test]
    async fn a_ranking_is_paged_by_falling_score() {
        let cache = MemoryCache::new();
        cache.zset_add("z", &[(1, 1.0), (2, 5.0), (3, 5.0)], TTL).await.unwrap();
        cache.zset_add("z", &[(1, 9.0), (4, 0.5)], TTL).await.unwrap();
        assert_eq!(cache.zset_top("z", 0, 3).await.unwrap(), [(1, 9.0), (3, 5.0), (2, 5.0)]);
        assert_eq!(cache.zset_top("z", 3, 3).await.unwrap(), [(4, 0.5)]);
        cache.zset_remove("z", &[1, 77]).await.unwrap();
        assert_eq!(cache.zset_top("z", 0, 1).await.unwrap(), [(3, 5.0)]);
        assert!(cache.zset_top("unknown", 0, 3).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_raised_score_never_falls() {
        let cache = MemoryCache::new();
        cache.zset_raise("z", &[(1, 5.0), (2, 7.0)], TTL).await.unwrap();
        cache.zset_raise("z", &[(1, 4.0), (2, 8.0), (3, 1.0)], TTL).await.unwrap();
        assert_eq!(cache.zset_top("z", 0, 9).await.unwrap(), [(2, 8.0), (1, 5.0), (3, 1.0)]);
    }

    #[tokio::test]
    async fn shared_values_are_read_in_the_order_of_their_keys() {
        let cache = MemoryCache::new();
        let items = [("a", Bytes::from_static(b"1")), ("b", Bytes::from_static(b"2"))];
        cache.shared_set(&items, TTL).await.unwrap();
        let found = cache.shared_get(&["b", "unknown", "a"]).await.unwrap();
        assert_eq!(found, [Some(Bytes::from_static(b"2")), None, Some(Bytes::from_static(b"1"))]);
    }

    #[tokio::test]
    async fn sizes_are_bounded() {
        let cache = MemoryCache::new();
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        assert!(matches!(cache.get(&long).await, Err(CacheError::Key { .. })));
        assert!(matches!(cache.incr("", 1, TTL).await, Err(CacheError::Key { .. })));
        let large = Bytes::from(vec![0; VALUE_BYTES_MAX + 1]);
        assert!(matches!(cache.set("k", large.clone(), TTL).await, Err(CacheError::Value { .. })));
        assert!(matches!(cache.publish("c", large).await, Err(CacheError::Value { .. })));
    }

    #[tokio::test]
    async fn a_full_cache_forgets_the_oldest() {
        let cache = MemoryCache::new();
        for number in 0..80 {
            cache.set(&format!("k{number}"), Bytes::from(vec![0; VALUE_BYTES_MAX]), TTL).await.unwrap();
            cache.values.run_pending_tasks();
        }
        assert!(cache.values.weighted_size() <= VALUES_BYTES_MAX);
        assert!(cache.get("k79").await.unwrap().is_some());
        assert!(cache.get("k0").await.unwrap().is_none());
    }
}
