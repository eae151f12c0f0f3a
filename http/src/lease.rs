//! Rights that one front at a time has, kept in the cache.
//!
//! A lease spares clashes, it does not rule them out: a front may stall for longer than its lease lasts, and while the
//! cache server is away each front knows of its own leases only. What a lease is for must be right without it too.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanone_cache::Cache;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// How long the lease of a front that was killed stands in the way of the others.
const LASTS: Duration = Duration::from_secs(6);
const RENEWED_EVERY: Duration = Duration::from_secs(2);
/// Longer than the cache takes for an operation: with less than this left, the lease may be somebody else's by the time
/// that the cache hears of us. It is then neither renewed nor taken back, and so never another one's.
const MARGIN: Duration = Duration::from_secs(2);
/// How often a front that waits for a lease asks for it.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// A right that no other front has; renewed until it is released or dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Dropped, it ends `keeper`.
    held: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
}

impl Lease {
    /// The lease of this key; `None` while somebody has it.
    pub(crate) async fn take(cache: &Arc<dyn Cache>, key: &str) -> Option<Self> {
        let taken = Instant::now();
        match cache.add(key, Bytes::new(), LASTS).await {
            Ok(false) => return None,
            Ok(true) => {}
            // Better a clash than a site that stands still.
            Err(error) => tracing::warn!(%error, "a lease can't be taken, it is done without"),
        }
        let (held, released) = oneshot::channel();
        let keeper = tokio::spawn(keep(Arc::clone(cache), key.to_owned(), released, taken));
        Some(Self { held, keeper })
    }

    /// The lease of this key, waited for until a front that was killed has lost it; `None` when somebody has it still.
    pub(crate) async fn wait(cache: &Arc<dyn Cache>, key: &str) -> Option<Self> {
        let end = Instant::now() + LASTS + RENEWED_EVERY;
        loop {
            let lease = Self::take(cache, key).await;
            if lease.is_some() || Instant::now() >= end {
                return lease;
            }
            sleep(ASKED_EVERY).await;
        }
    }

    /// Gives the right back. Once this returns, the next one can have it; when a lease is dropped, that is a moment later.
    pub(crate) async fn release(self) {
        drop(self.held);
        if let Err(error) = self.keeper.await {
            tracing::warn!(%error, "a lease lasts until it expires");
        }
    }
}

/// Does `work`, unless another front is at it.
pub(crate) async fn alone<E>(
    cache: &Arc<dyn Cache>,
    key: &str,
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let Some(lease) = Lease::take(cache, key).await else { return Ok(()) };
    let outcome = work.await;
    lease.release().await;
    outcome
}

async fn keep(cache: Arc<dyn Cache>, key: String, mut released: oneshot::Receiver<()>, mut renewed: Instant) {
    let is_ours = |renewed: Instant| renewed.elapsed() + MARGIN < LASTS;
    while timeout(RENEWED_EVERY, &mut released).await.is_err() {
        if !is_ours(renewed) {
            return;
        }
        let now = Instant::now();
        match cache.set(&key, Bytes::new(), LASTS).await {
            Ok(()) => renewed = now,
            Err(error) => tracing::debug!(%error, "a lease can't be renewed"),
        }
    }
    if is_ours(renewed)
        && let Err(error) = cache.remove(&[&key]).await
    {
        tracing::debug!(%error, "a lease lasts until it expires");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Arc<dyn Cache> {
        fanone_cache::open("memory:", &fanone_cache::Options::default()).unwrap()
    }

    #[tokio::test]
    async fn one_has_it_until_it_is_given_back() {
        let cache = cache();
        let lease = Lease::take(&cache, "k").await.unwrap();
        assert!(Lease::take(&cache, "k").await.is_none());
        assert!(Lease::take(&cache, "other").await.is_some());
        lease.release().await;
        assert!(Lease::take(&cache, "k").await.is_some());
    }

    #[tokio::test]
    async fn it_is_kept_for_longer_than_it_lasts_unrenewed() {
        let cache = cache();
        let lease = Lease::take(&cache, "k").await.unwrap();
        sleep(LASTS + RENEWED_EVERY / 2).await;
        assert!(Lease::take(&cache, "k").await.is_none());
        drop(lease);
        assert!(Lease::wait(&cache, "k").await.is_some());
    }

    #[tokio::test]
    async fn what_a_killed_front_held_is_free_again_after_some_seconds() {
        let cache = cache();
        let lease = Lease::take(&cache, "k").await.unwrap();
        lease.keeper.abort(); // nobody renews it and nobody gives it back
        assert!(Lease::wait(&cache, "k").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_stalled_too_long_does_not_touch_what_may_be_another_ones() {
        let cache = cache();
        let lease = Lease::take(&cache, "k").await.unwrap();
        tokio::time::advance(LASTS).await; // at once, as if the process had been stopped
        cache.set("k", Bytes::from_static(b"another one's"), LASTS).await.unwrap();
        lease.release().await;
        assert_eq!(cache.get("k").await.unwrap().unwrap(), "another one's");
    }
}
