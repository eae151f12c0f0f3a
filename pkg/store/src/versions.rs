//! Numbers that change with every commit of a shard, so that rows read before can be told from rows read after.
//!
//! An embedded database is written by this process alone, which counts. The databases of a server are written by several
//! processes: there the numbers lie where all of them can see them (the cache), and a commit gives its shard a new one
//! before it is answered. Everybody who asks while a question is on its way shares the next one, so that the way to the
//! cache is paid once for many reads, and each gets a number from after it asked.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use tokio::sync::oneshot;

/// Where several processes keep the numbers of their shards.
#[async_trait]
pub trait Versions: Send + Sync {
    /// The present numbers of these shards, in their order; `None` while they can't be known.
    async fn read(&self, shards: &[String]) -> Option<Vec<u64>>;

    /// Gives these shards other numbers. While that can't be done, readers elsewhere see rows that are a second old.
    async fn renew(&self, shards: &[String]);
}

/// What all shards of a store share.
#[derive(Clone)]
pub(crate) struct StoreVersions(Option<Arc<Shared>>);

struct Shared {
    source: Arc<dyn Versions>,
    names: Vec<String>,
    reads: Trips<Option<Arc<[u64]>>>,
    renewals: Trips<()>,
    /// Which shards the next renewal is about.
    dirty: Mutex<Vec<usize>>,
}

impl StoreVersions {
    /// Of these shards; without a source each is written by this process alone.
    pub(crate) fn new(source: Option<Arc<dyn Versions>>, names: Vec<String>) -> Self {
        let shared = |source| {
            let (reads, renewals, dirty) = (Trips::default(), Trips::default(), Mutex::default());
            Arc::new(Shared { source, names, reads, renewals, dirty })
        };
        Self(source.map(shared))
    }

    /// The numbers of all shards now; `None` if they are kept here, or can't be known.
    async fn read(shared: &Arc<Shared>) -> Option<Arc<[u64]>> {
        let trip = {
            let shared = Arc::clone(shared);
            move || {
                let shared = Arc::clone(&shared);
                async move { shared.source.read(&shared.names).await.map(Arc::from) }
            }
        };
        shared.reads.next(trip).await.flatten()
    }

    /// One number for all of these shards of the store, in one trip; `None` while one of them can't be known.
    pub(crate) async fn of_all<'v>(
        &self,
        shards: impl Iterator<Item = &'v ShardVersion> + Clone,
    ) -> Option<u64> {
        let numbers = match &self.0 {
            Some(shared) if shards.clone().any(|shard| shard.store.0.is_some()) => Self::read(shared).await,
            _ => None,
        };
        let mut shards = shards.map(|shard| shard.among(numbers.as_deref()));
        shards.try_fold(0_u64, |sum, number| Some(sum.wrapping_add(number?)))
    }

    async fn renew(shared: &Arc<Shared>, shard: usize) {
        lock(&shared.dirty).push(shard);
        let trip = {
            let shared = Arc::clone(shared);
            move || {
                let shared = Arc::clone(&shared);
                async move {
                    let mut dirty = std::mem::take(&mut *lock(&shared.dirty));
                    dirty.sort_unstable();
                    dirty.dedup();
                    let names: Vec<String> =
                        dirty.into_iter().filter_map(|shard| shared.names.get(shard).cloned()).collect();
                    if !names.is_empty() {
                        shared.source.renew(&names).await;
                    }
                }
            }
        };
        shared.renewals.next(trip).await;
    }
}

/// The number of one shard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ShardVersion {
    place: usize,
    commits: Arc<AtomicU64>,
    store: StoreVersions,
}

impl ShardVersion {
    /// Of the shard at `place`.
    pub(crate) fn new(place: usize, store: StoreVersions) -> Self {
        Self { place, commits: Arc::default(), store }
    }

    /// To be called after a commit, before it is answered.
    pub(crate) async fn renew(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        if let Some(shared) = &self.store.0 {
            StoreVersions::renew(shared, self.place).await;
        }
    }

    /// The present number; `None` while it can't be known.
    pub(crate) async fn read(&self) -> Option<u64> {
        let numbers = match &self.store.0 {
            Some(shared) => StoreVersions::read(shared).await,
            None => None,
        };
        self.among(numbers.as_deref())
    }

    /// The one that is kept here, or among the numbers of all shards.
    fn among(&self, numbers: Option<&[u64]>) -> Option<u64> {
        match self.store.0 {
            None => Some(self.commits.load(Ordering::Acquire)),
            Some(_) => numbers?.get(self.place).copied(),
        }
    }
}

/// Trips of which one is under way at a time. Who comes meanwhile shares the next.
struct Trips<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    running: bool,
    waiting: Vec<oneshot::Sender<T>>,
}

impl<T> Default for Trips<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { running: false, waiting: Vec::new() })))
    }
}

impl<T: Clone + Send + 'static> Trips<T> {
    /// The result of a trip that begins after this call.
    async fn next<F>(&self, trip: impl Fn() -> F + Send + 'static) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let first = {
            let mut state = lock(&self.0);
            state.waiting.push(sender);
            !std::mem::replace(&mut state.running, true)
        };
        if first {
            // A task of its own: it must go on when the caller is dropped.
            tokio::spawn(go(Arc::clone(&self.0), trip));
        }
        receiver.await.ok()
    }
}

async fn go<T: Clone, F: Future<Output = T>>(state: Arc<Mutex<State<T>>>, trip: impl Fn() -> F) {
    loop {
        let waiting = {
            let mut state = lock(&state);
            let waiting = std::mem::take(&mut state.waiting);
            state.running = !waiting.is_empty();
            waiting
        };
        if waiting.is_empty() {
            return;
        }
        let result = trip().await;
        for one in waiting {
            // Whoever has gone does not need it.
            let _ = one.send(result.clone());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use futures::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// A source whose every answer waits for a sign.
    #[derive(Default)]
    struct Slow {
        reads: AtomicU32,
        go: Notify,
        number: AtomicU64,
    }

    #[async_trait]
    impl Versions for Slow {
        async fn read(&self, shards: &[String]) -> Option<Vec<u64>> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let number = self.number.load(Ordering::SeqCst);
            self.go.notified().await;
            Some(vec![number; shards.len()])
        }

        async fn renew(&self, _: &[String]) {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn readers_share_a_trip_but_none_that_began_before_they_asked() {
        let slow = Arc::new(Slow::default());
        let version = ShardVersion::new(0, StoreVersions::new(Some(slow.clone()), vec!["a".to_owned()]));
        let first = tokio::spawn({
            let version = version.clone();
            async move { version.read().await }
        });
        while slow.reads.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        version.renew().await;
        let later = tokio::spawn({
            let version = version.clone();
            async move { join_all((0..50).map(|_| version.read())).await }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        slow.go.notify_one();
        assert_eq!(first.await.unwrap(), Some(0));
        while slow.reads.load(Ordering::SeqCst) == 1 {
            tokio::task::yield_now().await;
        }
        slow.go.notify_one();
        assert!(later.await.unwrap().into_iter().all(|number| number == Some(1)));
        assert_eq!(slow.reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn without_a_source_commits_are_counted() {
        let version = ShardVersion::new(0, StoreVersions::new(None, Vec::new()));
        assert_eq!(version.read().await, Some(0));
        version.renew().await;
        assert_eq!(version.read().await, Some(1));
    }
}
