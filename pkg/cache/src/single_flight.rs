//! Loading a value once for all who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::time::{Instant, sleep};

use crate::{Cache, CacheError, jittered};

/// How long a loaded value is kept for those who asked meanwhile; after that the cache itself has it.
const SETTLE: Duration = Duration::from_millis(100);
/// Keys that are loaded at a time before the oldest are let go, which costs a second load and nothing else.
const FLIGHTS_MAX: u64 = 10_000;
/// How long a process that loads holds the others back, should it die meanwhile.
const LOCK_TTL: Duration = Duration::from_secs(1);
/// How long a process waits for what another one loads, before it loads for itself.
const WAIT: Duration = Duration::from_millis(150);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(15);

/// The first byte of what is kept: whether there is a value.
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// A cache whose misses are loaded by one caller for all, in this process and, for a short while, in the others. That
/// there is no value is kept too, so that asking for what does not exist does not reach the database each time. Cheap to
/// clone.
#[derive(Clone)]
pub struct SingleFlight {
    cache: Arc<dyn Cache>,
    flights: moka::future::Cache<String, Option<Bytes>>,
    /// Whether other processes wait for what this one loads.
    everywhere: bool,
}

impl SingleFlight {
    /// Loads into this cache. The keys are its own: it writes more than the value.
    #[must_use]
    pub fn new(cache: Arc<dyn Cache>) -> Self {
        let flights = moka::future::Cache::builder().max_capacity(FLIGHTS_MAX).time_to_live(SETTLE).build();
        Self { cache, flights, everywhere: true }
    }

    /// As [`Self::new`], but each process loads for itself: for loads that cost less than telling the others.
    #[must_use]
    pub fn in_process(cache: Arc<dyn Cache>) -> Self {
        Self { everywhere: false, ..Self::new(cache) }
    }

    /// The value of a key from the cache, or from `load`, which runs once in this process however many callers wait.
    /// A value is kept for about `ttl`, and that there is none for about `ttl_absent`. An error goes to all who waited
    /// and is not kept. When the caller that loads gives up, another one loads. A cache that fails is passed by: it must
    /// not take down what works without it.
    ///
    /// # Errors
    ///
    /// What `load` gives.
    pub async fn get_or_load<F, E>(
        &self,
        key: &str,
        ttl: Duration,
        ttl_absent: Duration,
        load: F,
    ) -> Result<Option<Bytes>, Arc<E>>
    where
        F: Future<Output = Result<Option<Bytes>, E>>,
        E: Send + Sync + 'static,
    {
        if let Some(known) = self.look(key).await {
            return Ok(known);
        }
        let load_and_keep = self.load(key, ttl, ttl_absent, load);
        let value = self.flights.try_get_with_by_ref(key, load_and_keep).await?;
        self.flights.invalidate(key).await;
        Ok(value)
    }

    /// Keeps that there is no value, whatever is kept now and whatever a load under way finds.
    ///
    /// # Errors
    ///
    /// What the cache gives.
    pub async fn set_absent(&self, key: &str, ttl: Duration) -> Result<(), CacheError> {
        self.flights.invalidate(key).await;
        self.cache.set(key, Bytes::from_static(&[ABSENT]), ttl).await
    }

    /// Forgets keys, so that the next caller loads them.
    ///
    /// # Errors
    ///
    /// What the cache gives.
    pub async fn remove(&self, keys: &[&str]) -> Result<(), CacheError> {
        for key in keys {
            self.flights.invalidate(*key).await;
        }
        self.cache.remove(keys).await
    }

    /// What is kept: a value, that there is none, or nothing.
    async fn look(&self, key: &str) -> Option<Option<Bytes>> {
        let mut kept = match self.cache.get(key).await {
            Ok(kept) => kept?,
            Err(error) => {
                tracing::debug!(%error, "the cache can't be read");
                return None;
            }
        };
        match kept.first()? {
            &PRESENT => Some(Some(kept.split_off(1))),
            _ => Some(None),
        }
    }

    async fn load<F, E>(
        &self,
        key: &str,
        ttl: Duration,
        ttl_absent: Duration,
        load: F,
    ) -> Result<Option<Bytes>, E>
    where
        F: Future<Output = Result<Option<Bytes>, E>>,
    {
        if !self.everywhere {
            let value = load.await?;
            self.keep(key, value.as_ref(), ttl, ttl_absent).await;
            return Ok(value);
        }
        let lock = format!("loading:{key}");
        if let Ok(false) = self.cache.add(&lock, Bytes::new(), LOCK_TTL).await
            && let Some(known) = self.wait(key).await
        {
            return Ok(known);
        }
        let loaded = load.await;
        if let Ok(value) = &loaded {
            self.keep(key, value.as_ref(), ttl, ttl_absent).await;
        }
        if let Err(error) = self.cache.remove(&[&lock]).await {
            tracing::debug!(%error, "others wait a moment for a value that is loaded");
        }
        loaded
    }

    /// Waits a moment for what another process loads.
    async fn wait(&self, key: &str) -> Option<Option<Bytes>> {
        let end = Instant::now() + WAIT;
        while Instant::now() < end {
            sleep(LOOK).await;
            if let Some(known) = self.look(key).await {
                return Some(known);
            }
        }
        None
    }

    async fn keep(&self, key: &str, value: Option<&Bytes>, ttl: Duration, ttl_absent: Duration) {
        let mut kept = BytesMut::with_capacity(1 + value.map_or(0, Bytes::len));
        kept.put_u8(if value.is_some() { PRESENT } else { ABSENT });
        kept.extend_from_slice(value.map_or(&[], |value| value));
        let ttl = jittered(if value.is_some() { ttl } else { ttl_absent });
        // Only where nothing is kept: what was said of the key while it was loaded is newer.
        if let Err(error) = self.cache.add(key, kept.freeze(), ttl).await {
            tracing::debug!(%error, "a value can't be cached");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    const NO_TIME: Duration = Duration::ZERO;

    fn value(text: &str) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn flight() -> SingleFlight {
        SingleFlight::new(crate::open("memory:", &crate::Options::default()).unwrap())
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_load() {
        let (flight, loads) = (flight(), AtomicUsize::new(0));
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, String>(value("v"))
        };
        let values = join_all((0..50).map(|_| flight.get_or_load("k", TTL, TTL, load()))).await;
        assert!(values.into_iter().all(|value| value.unwrap() == self::value("v")));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        flight.get_or_load("k", TTL, TTL, load()).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 1, "the second load came from the cache");
        flight.remove(&["k"]).await.unwrap();
        flight.get_or_load("k", TTL, TTL, load()).await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn that_there_is_none_is_kept_for_its_own_time() {
        let (flight, loads) = (flight(), AtomicUsize::new(0));
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(None)
        };
        for _ in 0..3 {
            assert_eq!(flight.get_or_load("kept", NO_TIME, TTL, load()).await.unwrap(), None);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        for _ in 0..3 {
            assert_eq!(flight.get_or_load("not kept", TTL, NO_TIME, load()).await.unwrap(), None);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn an_empty_value_is_a_value() {
        let flight = flight();
        for _ in 0..2 {
            let empty =
                flight.get_or_load("k", TTL, TTL, async { Ok::<_, String>(value("")) }).await.unwrap();
            assert_eq!(empty, value(""));
        }
    }

    /// Two of them on one cache are as two processes.
    #[tokio::test]
    async fn a_process_waits_for_what_another_one_loads() {
        let cache = crate::open("memory:", &crate::Options::default()).unwrap();
        let (one, two) = (SingleFlight::new(cache.clone()), SingleFlight::new(cache));
        let loads = AtomicUsize::new(0);
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            sleep(LOOK).await;
            Ok::<_, String>(value("v"))
        };
        let both =
            tokio::join!(one.get_or_load("k", TTL, TTL, load()), two.get_or_load("k", TTL, TTL, load()));
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (value("v"), value("v")));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_process_loads_for_itself_when_another_one_takes_too_long() {
        let cache = crate::open("memory:", &crate::Options::default()).unwrap();
        cache.add("loading:k", Bytes::new(), TTL).await.unwrap();
        let flight = SingleFlight::new(cache);
        let loaded = flight.get_or_load("k", TTL, TTL, async { Ok::<_, String>(value("v")) });
        assert_eq!(loaded.await.unwrap(), value("v"));
    }

    #[tokio::test]
    async fn what_goes_while_it_is_loaded_stays_gone() {
        let flight = flight();
        let load = async {
            flight.set_absent("k", TTL).await.unwrap();
            Ok::<_, String>(value("seen just before"))
        };
        flight.get_or_load("k", TTL, TTL, load).await.unwrap();
        let again = flight.get_or_load("k", TTL, TTL, std::future::pending::<Result<_, String>>()).await;
        assert_eq!(again.unwrap(), None);
    }

    #[tokio::test]
    async fn an_error_is_shared_and_not_kept() {
        let (flight, loads) = (flight(), AtomicUsize::new(0));
        let fail = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Err("down")
        };
        let errors = join_all((0..10).map(|_| flight.get_or_load("k", TTL, TTL, fail()))).await;
        assert!(errors.into_iter().all(|error| *error.unwrap_err() == "down"));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        let value = flight.get_or_load("k", TTL, TTL, async { Ok::<_, String>(value("v")) }).await;
        assert_eq!(value.unwrap(), self::value("v"));
    }

    #[tokio::test]
    async fn a_value_that_can_not_be_cached_is_given_all_the_same() {
        let large = Bytes::from(vec![0; crate::VALUE_BYTES_MAX + 1]);
        let value = flight()
            .get_or_load("k", TTL, TTL, async { Ok::<_, String>(Some(large.clone())) })
            .await
            .unwrap();
        assert_eq!(value, Some(large));
    }

    #[tokio::test]
    async fn another_caller_loads_when_the_first_gives_up() {
        let flight = flight();
        let first =
            flight.get_or_load("k", TTL, TTL, std::future::pending::<Result<Option<Bytes>, String>>());
        let second = flight.get_or_load("k", TTL, TTL, async { Ok::<_, String>(value("v")) });
        let mut first = Box::pin(first);
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = Box::pin(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert_eq!(second.await.unwrap(), value("v"));
    }
}
