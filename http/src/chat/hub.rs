//! Who is connected to this process: how many there may be, and how all of them are told to go.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fanone_base::Id;
use fanone_telemetry::names;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

type Seats = HashMap<Id, VecDeque<CancellationToken>>;

/// The connections of this process. Clones share them.
#[derive(Clone)]
pub(crate) struct Hub {
    seats: Arc<Mutex<Seats>>,
    per_user: usize,
    /// For the connections of all users together.
    permits: Arc<Semaphore>,
    closing: CancellationToken,
    /// Changes when connections may have missed messages.
    missed: watch::Sender<()>,
    open: TaskTracker,
}

impl Hub {
    pub(crate) fn new(connections_max: usize, per_user: usize) -> Self {
        Self {
            seats: Arc::default(),
            per_user: per_user.max(1),
            permits: Arc::new(Semaphore::new(connections_max)),
            closing: CancellationToken::new(),
            missed: watch::Sender::new(()),
            open: TaskTracker::new(),
        }
    }

    /// A place for one more connection of `user`; `None` when the process is full. One that ends still lets
    /// in whoever comes, to tell it to come again: a refusal would look like a fault. A user who has as many as
    /// one may have loses the oldest: it is likely to be one that broke without a word.
    pub(crate) fn enter(&self, user: Id) -> Option<Seat> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let replaced = CancellationToken::new();
        let mut seats = self.lock();
        let own = seats.entry(user).or_default();
        if own.len() >= self.per_user
            && let Some(oldest) = own.pop_front()
        {
            oldest.cancel();
        }
        own.push_back(replaced.clone());
        metrics::gauge!(names::CHAT_CONNECTIONS).increment(1.0);
        let missed = self.missed.subscribe();
        Some(Seat { hub: self.clone(), user, replaced, missed, _permit: permit, _open: self.open.token() })
    }

    /// Tells every connection that it may have missed messages.
    pub(crate) fn tell_missed(&self) {
        self.missed.send_replace(());
    }

    /// Tells every connection to close, and waits until they have.
    pub(crate) async fn shutdown(&self) {
        self.closing.cancel();
        self.open.close();
        self.open.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, given back when dropped.
pub(crate) struct Seat {
    hub: Hub,
    user: Id,
    replaced: CancellationToken,
    missed: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
}

impl Seat {
    /// Resolves when a newer connection has taken the place.
    pub(crate) async fn replaced(&self) {
        self.replaced.cancelled().await;
    }

    /// Changes when messages may have been missed.
    pub(crate) fn missed(&self) -> watch::Receiver<()> {
        self.missed.clone()
    }

    /// Resolves when the process ends.
    pub(crate) async fn closing(&self) {
        self.hub.closing.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!(names::CHAT_CONNECTIONS).decrement(1.0);
        // Nobody else has this token any more: cancelled, it can be told from those of the user's other places.
        self.replaced.cancel();
        let mut seats = self.hub.lock();
        if let Some(own) = seats.get_mut(&self.user) {
            own.retain(|seat| !seat.is_cancelled());
            if own.is_empty() {
                seats.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn is_replaced(seat: &Seat) -> bool {
        seat.replaced().now_or_never().is_some()
    }

    #[tokio::test]
    async fn the_oldest_connection_of_a_user_makes_room() {
        let hub = Hub::new(10, 2);
        let other = hub.enter(Id(2)).unwrap();
        let [first, second, third] = [(); 3].map(|()| hub.enter(Id(1)).unwrap());
        assert_eq!([&first, &second, &third, &other].map(is_replaced), [true, false, false, false]);
        drop(second);
        let fourth = hub.enter(Id(1)).unwrap();
        assert_eq!([&third, &fourth].map(is_replaced), [false, false]);
    }

    #[tokio::test]
    async fn every_connection_is_told_once_that_it_may_have_missed_something() {
        let hub = Hub::new(10, 2);
        let seats = [Id(1), Id(2)].map(|user| hub.enter(user).unwrap());
        hub.tell_missed();
        for mut missed in seats.each_ref().map(Seat::missed) {
            missed.changed().await.unwrap();
            assert!(missed.changed().now_or_never().is_none());
        }
    }

    #[tokio::test]
    async fn a_full_process_takes_nobody() {
        let hub = Hub::new(1, 2);
        let seat = hub.enter(Id(1)).unwrap();
        assert!(hub.enter(Id(2)).is_none());
        drop(seat);
        assert!(hub.enter(Id(2)).is_some());
        assert!(hub.lock().is_empty());
    }

    #[tokio::test]
    async fn a_shutdown_waits_for_the_last_connection() {
        let hub = Hub::new(10, 2);
        let seat = hub.enter(Id(1)).unwrap();
        let mut shutdown = std::pin::pin!(hub.shutdown());
        assert!(futures::poll!(&mut shutdown).is_pending());
        seat.closing().await;
        hub.enter(Id(1)).unwrap().closing().await;
        drop(seat);
        shutdown.await;
    }
}
