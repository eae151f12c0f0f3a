//! One method of a service, as one client calls it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use fanone_telemetry::names;
use metrics::Counter;
use tokio::time::Instant;
use volo::{discovery::Instance, net::Address};

use crate::{
    breaker::{Breaker, State},
    rules::{Breaking, Repeat},
    window::Window,
};

/// So many attempts must be known before their failures end the repeating.
const REPEAT_SAMPLE: u32 = 10;

/// The rules of one method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MethodRules {
    /// The longest attempt.
    pub timeout: Duration,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// When an instance gets no more calls, if ever.
    pub breaking: Option<Breaking>,
    /// When a call is made again, if ever.
    pub repeat: Option<Repeat>,
}

/// See the module.
pub struct Method {
    /// `service/Method`, as metrics have it.
    name: String,
    client: String,
    pub(crate) is_read: bool,
    rules: ArcSwap<MethodRules>,
    /// One for each instance that was called.
    breakers: ArcSwap<Vec<Arc<Breaker>>>,
    /// Held while there are more or fewer of them.
    changing: Mutex<()>,
    /// Attempts of the last time, by whose failures the repeating ends.
    attempts: Mutex<Window>,
    repeats: Option<Repeats>,
}

/// Attempts after or beside the first, by what became of them.
struct Repeats {
    retries: [Counter; 2],
    backups: [Counter; 2],
    late_backups: Counter,
}

impl Method {
    pub(crate) fn new(client: &str, server: &str, name: &str, is_read: bool, rules: MethodRules) -> Self {
        let name = format!("{server}/{name}");
        let repeats = is_read.then(|| {
            let counter = |kind: &str, outcome: &str| {
                let labels =
                    [("rpc_method", &*name), ("caller", client), ("kind", kind), ("outcome", outcome)];
                let labels = labels.map(|(label, value)| (label, value.to_owned()));
                let counter = metrics::counter!(names::RPC_REPEATS, &labels);
                counter.increment(0);
                counter
            };
            let both = |kind: &str| ["ok", "failed"].map(|outcome| counter(kind, outcome));
            Repeats {
                retries: both("retry"),
                backups: both("backup"),
                late_backups: counter("backup", "late"),
            }
        });
        Self {
            name,
            client: client.to_owned(),
            is_read,
            rules: ArcSwap::from_pointee(rules),
            breakers: ArcSwap::default(),
            changing: Mutex::default(),
            attempts: Mutex::new(Window::new(Instant::now())),
            repeats,
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> MethodRules {
        **self.rules.load()
    }

    pub(crate) fn set_rules(&self, rules: MethodRules) {
        if rules.breaking.is_none() {
            self.breakers.load().iter().for_each(|breaker| breaker.reset());
        }
        self.rules.store(Arc::new(rules));
    }

    /// Counts an attempt for the limit of repeating.
    pub fn note_attempt(&self, failed: bool) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.record(failed, Instant::now());
    }

    /// Whether so few attempts fail that there may be more of them.
    pub fn may_repeat(&self, error_rate: Option<f64>) -> bool {
        let Some(rate) = error_rate else { return true };
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        !attempts.counts(Instant::now()).reach(rate, REPEAT_SAMPLE)
    }

    /// Counts an attempt after the first.
    pub fn count_retry(&self, failed: bool) {
        self.count(|repeats| &repeats.retries, failed);
    }

    /// Counts an attempt beside the first that was waited for.
    pub fn count_backup(&self, failed: bool) {
        self.count(|repeats| &repeats.backups, failed);
    }

    /// Counts an attempt beside the first that came too late.
    pub fn count_late_backup(&self) {
        if let Some(repeats) = &self.repeats {
            repeats.late_backups.increment(1);
        }
    }

    fn count(&self, of: impl Fn(&Repeats) -> &[Counter; 2], failed: bool) {
        if let Some([ok, bad]) = self.repeats.as_ref().map(of) {
            if failed { bad } else { ok }.increment(1);
        }
    }

    /// Those there are.
    pub(crate) fn breakers(&self) -> Guard<Arc<Vec<Arc<Breaker>>>> {
        self.breakers.load()
    }

    /// The breaker of an instance. A new one is made when it is first called; those of instances that have gone go then.
    pub(crate) fn breaker(&self, address: SocketAddr, present: &[Arc<Instance>]) -> Arc<Breaker> {
        let of = |breakers: &[Arc<Breaker>]| {
            breakers.iter().find(|breaker| breaker.address() == address).map(Arc::clone)
        };
        if let Some(breaker) = of(&self.breakers.load()) {
            return breaker;
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.breakers.load();
        if let Some(breaker) = of(&known) {
            return breaker;
        }
        let is_present = |address: SocketAddr| {
            present.iter().any(|instance| matches!(instance.address, Address::Ip(ip) if ip == address))
        };
        let (stay, gone): (Vec<_>, Vec<_>) =
            known.iter().cloned().partition(|breaker| is_present(breaker.address()));
        gone.iter().for_each(|breaker| breaker.reset());
        let breaker = Arc::new(Breaker::new(address, &self.name, &self.client));
        self.breakers.store(Arc::new(stay.into_iter().chain([Arc::clone(&breaker)]).collect()));
        breaker
    }

    /// Each instance that was called, and its breaker: state, calls and failed calls of the last ten seconds.
    pub(crate) fn look(&self) -> BTreeMap<SocketAddr, (State, u32, u32)> {
        let breakers = self.breakers.load();
        let looks = breakers.iter().map(|breaker| (breaker.address(), breaker.look()));
        looks.map(|(address, (state, counts))| (address, (state, counts.calls, counts.failed))).collect()
    }
}
