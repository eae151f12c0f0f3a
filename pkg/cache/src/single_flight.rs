//! Loading a value once for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::Cache;

/// How long a loaded value is kept for those who asked meanwhile; after that the cache itself has it.
const SETTLE: Duration = Duration::from_millis(100);
/// Keys that are loaded at a time before the oldest are let go, which costs a second load and nothing else.
const FLIGHTS_MAX: u64 = 10_000;

/// A cache whose misses are loaded by one caller for all. Cheap to clone.
#[derive(Clone)]
pub struct SingleFlight {
    cache: Arc<dyn Cache>,
    flights: moka::future::Cache<String, Bytes>,
}

impl SingleFlight {
    /// Loads into this cache.
    #[must_use]
    pub fn new(cache: Arc<dyn Cache>) -> Self {
        let flights = moka::future::Cache::builder().max_capacity(FLIGHTS_MAX).time_to_live(SETTLE).build();
        Self { cache, flights }
    }

    /// The value of a key from the cache, or from `load`, which runs once in this process however many callers wait;
    /// its value is cached for `ttl`. An error goes to all who waited and is not cached. When the caller that loads
    /// gives up, another one loads. A cache that fails is passed by: it must not take down what works without it.
    ///
    /// # Errors
    ///
    /// What `load` gives.
    pub async fn get_or_load<F, E>(&self, key: &str, ttl: Duration, load: F) -> Result<Bytes, Arc<E>>
    where
        F: Future<Output = Result<Bytes, E>>,
        E: Send + Sync + 'static,
    {
        match self.cache.get(key).await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the cache can't be read"),
        }
        let load_and_keep = async {
            let value = load.await?;
            if let Err(error) = self.cache.set(key, value.clone(), ttl).await {
                tracing::debug!(%error, "a value can't be cached");
            }
            Ok(value)
        };
        let value = self.flights.try_get_with_by_ref(key, load_and_keep).await?;
        self.flights.invalidate(key).await;
        Ok(value)
    }

    /// Forgets keys, so that the next caller loads them.
    ///
    /// # Errors
    ///
    /// What the cache gives.
    pub async fn remove(&self, keys: &[&str]) -> Result<(), crate::CacheError> {
        for key in keys {
            self.flights.invalidate(*key).await;
        }
        self.cache.remove(keys).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    fn flight() -> SingleFlight {
        SingleFlight::new(crate::open("memory:").unwrap())
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_load() {
        let (flight, loads) = (flight(), AtomicUsize::new(0));
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, String>(Bytes::from_static(b"v"))
        };
        let values = join_all((0..50).map(|_| flight.get_or_load("k", TTL, load()))).await;
        assert!(values.into_iter().all(|value| value.unwrap() == "v"));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        flight.get_or_load("k", TTL, load()).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 1, "the second load came from the cache");
        flight.remove(&["k"]).await.unwrap();
        flight.get_or_load("k", TTL, load()).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_error_is_shared_and_not_kept() {
        let (flight, loads) = (flight(), AtomicUsize::new(0));
        let fail = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Err("down")
        };
        let errors = join_all((0..10).map(|_| flight.get_or_load("k", TTL, fail()))).await;
        assert!(errors.into_iter().all(|error| *error.unwrap_err() == "down"));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        let value = flight.get_or_load("k", TTL, async { Ok::<_, String>(Bytes::from_static(b"v")) }).await;
        assert_eq!(value.unwrap(), "v");
    }

    #[tokio::test]
    async fn a_value_that_can_not_be_cached_is_given_all_the_same() {
        let large = Bytes::from(vec![0; crate::VALUE_BYTES_MAX + 1]);
        let value = flight().get_or_load("k", TTL, async { Ok::<_, String>(large.clone()) }).await.unwrap();
        assert_eq!(value, large);
    }

    #[tokio::test]
    async fn another_caller_loads_when_the_first_gives_up() {
        let flight = flight();
        let first = flight.get_or_load("k", TTL, std::future::pending::<Result<Bytes, String>>());
        let second = flight.get_or_load("k", TTL, async { Ok::<_, String>(Bytes::from_static(b"v")) });
        let mut first = Box::pin(first);
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = Box::pin(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await.unwrap(), "v");
    }
}
