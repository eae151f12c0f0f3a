//! Whether the server is away, and what must be put right when it is back.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fanone_telemetry::names;

use crate::memory::MemoryCache;

/// Keys that are remembered; with more, the whole cache is emptied when the server is back.
const CHANGED_MAX: usize = 10_000;
/// Marks that are remembered, and the largest of them; what is beyond is forgotten with the outage.
const MARKS_MAX: usize = 10_000;
const MARK_BYTES_MAX: usize = 64;
/// Channels that are remembered; subscribers of more are not told what they missed.
const MISSED_MAX: usize = 10_000;

/// From the first failure until the server is there again.
pub(super) struct Outage {
    /// What this process knows by itself meanwhile.
    pub(super) local: MemoryCache,
    pub(super) began: Instant,
    debts: Mutex<Debts>,
}

/// What the server does not know.
#[derive(Default)]
pub(super) struct Debts {
    /// Keys that were set or removed: what the server has for them is out of date.
    pub(super) changed: HashSet<String>,
    /// There are more such keys.
    pub(super) many_changed: bool,
    /// Marks that were added, each with its end: they are written once, so nobody can have written anything newer.
    pub(super) added: HashMap<String, (Bytes, Instant)>,
    /// Channels on which the subscribers of other processes have missed messages.
    pub(super) missed: HashSet<String>,
}

impl Debts {
    pub(super) fn change(&mut self, key: &str) {
        self.added.remove(key);
        self.keep_changed(key);
    }

    fn keep_changed(&mut self, key: &str) {
        if self.changed.len() < CHANGED_MAX {
            self.changed.insert(key.to_owned());
        } else {
            self.many_changed = true;
        }
    }

    pub(super) fn miss(&mut self, channel: &str) {
        if self.missed.len() < MISSED_MAX {
            self.missed.insert(channel.to_owned());
        }
    }

    pub(super) fn add(&mut self, key: &str, mark: Bytes, ttl: Duration) {
        if mark.len() <= MARK_BYTES_MAX
            && self.added.len() < MARKS_MAX
            && let Some(end) = Instant::now().checked_add(ttl)
        {
            self.added.insert(key.to_owned(), (mark, end));
        }
    }

    fn is_empty(&self) -> bool {
        self.changed.is_empty() && !self.many_changed && self.added.is_empty() && self.missed.is_empty()
    }

    /// Takes back debts that could not be paid; those that have come since are newer.
    pub(super) fn take_back(&mut self, older: Self) {
        for (key, mark) in older.added {
            if !self.changed.contains(&key) {
                self.added.entry(key).or_insert(mark);
            }
        }
        older.changed.iter().for_each(|key| self.keep_changed(key));
        older.missed.iter().for_each(|channel| self.miss(channel));
        self.many_changed |= older.many_changed;
    }
}

impl Outage {
    fn new() -> Self {
        Self { local: MemoryCache::new(), began: Instant::now(), debts: Mutex::default() }
    }

    pub(super) fn owe(&self, note: impl FnOnce(&mut Debts)) {
        note(&mut self.debts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The debts so far, which are to be paid or given back.
    pub(super) fn take_debts(&self) -> Debts {
        std::mem::take(&mut self.debts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The state of the server as this process sees it.
pub(super) struct Status {
    /// The same as whether there is an outage, to be asked by every operation.
    is_away: AtomicBool,
    outage: RwLock<Option<Arc<Outage>>>,
    epoch: AtomicU64,
}

impl Status {
    pub(super) fn new() -> Self {
        metrics::gauge!(names::CACHE_AWAY).set(0.0);
        Self { is_away: AtomicBool::new(false), outage: RwLock::new(None), epoch: AtomicU64::new(0) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) fn outage(&self) -> Option<Arc<Outage>> {
        if !self.is_away.load(Ordering::Acquire) {
            return None;
        }
        self.outage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The outage, with a note of what the server will not know, and whether it begins only now. Under the lock: a note
    /// can't come after the last debts were paid.
    pub(super) fn begin(&self, note: impl FnOnce(&mut Debts)) -> (Arc<Outage>, bool) {
        let mut outage = self.outage.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = outage.is_none();
        let current = outage.get_or_insert_with(|| Arc::new(Outage::new())).clone();
        current.owe(note);
        if is_new {
            self.is_away.store(true, Ordering::Release);
            metrics::gauge!(names::CACHE_AWAY).set(1.0);
        }
        (current, is_new)
    }

    /// Ends the outage if nothing is owed. What was known meanwhile is forgotten.
    pub(super) fn end(&self) -> bool {
        let mut outage = self.outage.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = outage.as_ref() {
            let debts = current.debts.lock().unwrap_or_else(PoisonError::into_inner);
            if !debts.is_empty() {
                return false;
            }
        }
        *outage = None;
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.is_away.store(false, Ordering::Release);
        metrics::gauge!(names::CACHE_AWAY).set(0.0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_does_not_end_while_something_is_owed() {
        let status = Status::new();
        let (outage, is_new) = status.begin(|debts| debts.change("k"));
        assert!(is_new && status.outage().is_some());
        assert!(!status.end());
        assert!(outage.take_debts().changed.contains("k"));
        let (_, is_new) = status.begin(|debts| debts.miss("c"));
        assert!(!is_new && !status.end());
        outage.take_debts();
        assert!(status.end() && status.outage().is_none());
        assert_eq!(status.epoch(), 1);
    }

    #[test]
    fn debts_that_come_back_are_older_than_those_that_have_come_since() {
        let outage = Outage::new();
        let minute = Duration::from_secs(60);
        for key in ["removed", "kept", "added again"] {
            outage.owe(|debts| debts.add(key, Bytes::from_static(b"old"), minute));
        }
        let older = outage.take_debts();
        outage.owe(|debts| debts.change("removed"));
        outage.owe(|debts| debts.add("added again", Bytes::from_static(b"new"), minute));
        outage.owe(|debts| debts.take_back(older));
        let debts = outage.take_debts();
        let marks: HashMap<&str, &[u8]> =
            debts.added.iter().map(|(key, (mark, _))| (key.as_str(), mark.as_ref())).collect();
        assert_eq!(marks, HashMap::from([("kept", b"old".as_slice()), ("added again", b"new")]));
        assert!(debts.changed.contains("removed"));
    }

    #[test]
    fn what_is_owed_is_bounded() {
        let outage = Outage::new();
        for number in 0..=CHANGED_MAX {
            outage.owe(|debts| debts.change(&number.to_string()));
        }
        let debts = outage.take_debts();
        assert!(debts.many_changed && debts.changed.len() == CHANGED_MAX);
    }
}
