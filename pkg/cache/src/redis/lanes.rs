//! A few connections that all operations of this process share.
//!
//! A pool gives a connection to one caller at a time, and asks the server each time whether it still lives. A connection of
//! `redis` carries any number of callers at once, and joins what they send. So each lane keeps one connection out of the
//! pool, and its callers take turns on the lanes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use deadpool_redis::redis::RedisError;
use tokio::sync::Mutex;

use super::source::{Pooled, Source};

pub(super) struct Lanes {
    source: Source,
    first: Lane,
    others: Box<[Lane]>,
    next: AtomicUsize,
}

#[derive(Default)]
pub(super) struct Lane {
    held: RwLock<Option<Arc<Pooled>>>,
    /// Held by the one who makes a new connection; the others wait for it.
    opening: Mutex<()>,
}

impl Lanes {
    pub(super) fn new(source: Source, count: usize) -> Self {
        let others = (1..count).map(|_| Lane::default()).collect();
        Self { source, first: Lane::default(), others, next: AtomicUsize::new(0) }
    }

    /// The lane whose turn it is.
    pub(super) fn pick(&self) -> &Lane {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        self.others.get(turn).unwrap_or(&self.first)
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The connection of a lane, a new one if it has none.
    pub(super) async fn connection(&self, lane: &Lane) -> Result<Arc<Pooled>, RedisError> {
        if let Some(held) = lane.held() {
            return Ok(held);
        }
        // On the heap: it is large, and every operation would carry it.
        Box::pin(self.fill(lane)).await
    }

    async fn fill(&self, lane: &Lane) -> Result<Arc<Pooled>, RedisError> {
        let _turn = lane.opening.lock().await;
        if let Some(held) = lane.held() {
            return Ok(held);
        }
        let held = Arc::new(self.source.connect().await?);
        lane.replace(Some(held.clone()));
        Ok(held)
    }

    /// Opens every lane.
    pub(super) async fn open(&self) -> Result<(), RedisError> {
        for lane in self.all() {
            self.connection(lane).await?;
        }
        Ok(())
    }

    /// Lets go of all connections: none is to be trusted.
    pub(super) fn clear(&self) {
        for lane in self.all() {
            lane.replace(None);
        }
    }
}

impl Lane {
    fn held(&self) -> Option<Arc<Pooled>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, held: Option<Arc<Pooled>>) {
        let before = std::mem::replace(&mut *self.held.write().unwrap_or_else(PoisonError::into_inner), held);
        drop(before); // after the lock
    }

    /// Lets go of a connection that is broken, unless that was done.
    pub(super) fn discard(&self, broken: &Arc<Pooled>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, broken)) {
            *held = None;
        }
    }
}
