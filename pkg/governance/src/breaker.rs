//! The breaker of one method at one instance.
//!
//! As in Kitex: closed, it counts the last ten seconds; when enough of enough calls failed it opens, and the instance gets no
//! calls of the method for five seconds; then it is half open, and lets one call through every 200 ms. Two that come back well
//! close it, one that fails opens it again.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use fanone_telemetry::names;
use metrics::Gauge;
use tokio::time::{Duration, Instant};

use crate::{
    rules::Breaking,
    window::{Counts, Window},
};

/// How long an open breaker lets nothing through.
const COOLING: Duration = Duration::from_secs(5);
/// Between two calls through a half-open one.
const BETWEEN_PROBES: Duration = Duration::from_millis(200);
/// So many good calls in a row close it.
const PROBES: u32 = 2;

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every call.
    Closed,
    /// A call now and then.
    HalfOpen,
    /// None.
    Open,
}

impl State {
    const fn number(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }

    const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Closed,
            1 => Self::HalfOpen,
            _ => Self::Open,
        }
    }

    /// As it is shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// See the module.
pub struct Breaker {
    address: SocketAddr,
    /// That of `inner`, to be read without its lock.
    state: AtomicU8,
    inner: Mutex<Inner>,
    gauge: Gauge,
}

struct Inner {
    window: Window,
    /// When the next call may pass, unless it is closed.
    next: Instant,
    /// Good calls in a row while half open.
    good: u32,
}

impl Breaker {
    /// A closed one.
    pub(crate) fn new(address: SocketAddr, rpc_method: &str, caller: &str) -> Self {
        let now = Instant::now();
        let gauge = metrics::gauge!(
            names::RPC_BREAKER_STATE,
            "rpc_method" => rpc_method.to_owned(), "caller" => caller.to_owned(), "address" => address.to_string(),
        );
        gauge.set(0.0);
        let inner = Inner { window: Window::new(now), next: now, good: 0 };
        Self { address, state: AtomicU8::new(State::Closed.number()), inner: Mutex::new(inner), gauge }
    }

    /// The instance.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether a call may go there now.
    pub(crate) fn is_passable(&self, now: Instant) -> bool {
        self.is_closed() || now >= self.lock().next
    }

    /// Lets one call pass, if one may now. Another one may have been quicker.
    pub(crate) fn pass(&self, now: Instant) -> bool {
        if self.is_closed() {
            return true;
        }
        let mut inner = self.lock();
        if self.state() == State::Closed {
            return true;
        }
        if now < inner.next {
            return false;
        }
        if self.state() == State::Open {
            inner.good = 0;
            self.turn(State::HalfOpen);
        }
        inner.next = now + BETWEEN_PROBES;
        true
    }

    /// Counts a call that came back, well or not; what the breaker is now, if that has changed.
    pub fn record(&self, failed: bool, rule: &Breaking, now: Instant) -> Option<State> {
        let mut inner = self.lock();
        inner.window.record(failed, now);
        match (self.state(), failed) {
            (State::Closed, true) if inner.window.counts(now).reach(rule.err_rate, rule.min_sample) => {}
            (State::HalfOpen, true) => {}
            (State::HalfOpen, false) => {
                inner.good += 1;
                if inner.good < PROBES {
                    return None;
                }
                inner.window = Window::new(now);
                self.turn(State::Closed);
                return Some(State::Closed);
            }
            // A call that began before it opened changes nothing any more.
            (State::Closed | State::Open, _) => return None,
        }
        inner.next = now + COOLING;
        self.turn(State::Open);
        Some(State::Open)
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        let mut inner = self.lock();
        inner.window = Window::new(Instant::now());
        self.turn(State::Closed);
    }

    /// What it is, and what it has counted.
    pub(crate) fn look(&self) -> (State, Counts) {
        let inner = self.lock();
        (self.state(), inner.window.counts(Instant::now()))
    }

    fn is_closed(&self) -> bool {
        self.state() == State::Closed
    }

    fn state(&self) -> State {
        State::of_number(self.state.load(Ordering::Relaxed))
    }

    /// Only by who holds the lock.
    fn turn(&self, state: State) {
        self.state.store(state.number(), Ordering::Relaxed);
        self.gauge.set(f64::from(state.number()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Breaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Breaker({}, {})", self.address, self.look().0.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Breaking = Breaking { err_rate: 0.5, min_sample: 10 };

    fn breaker() -> Breaker {
        Breaker::new("127.0.0.1:1".parse().unwrap(), "s/M", "c")
    }

    fn record(breaker: &Breaker, failed: bool) -> Option<State> {
        breaker.record(failed, &RULE, Instant::now())
    }

    /// Fails until it opens.
    fn open(breaker: &Breaker) {
        for _ in 0..9 {
            assert_eq!(record(breaker, true), None);
        }
        assert_eq!(record(breaker, true), Some(State::Open));
    }

    fn passes(breaker: &Breaker) -> bool {
        assert_eq!(breaker.is_passable(Instant::now()), breaker.pass(Instant::now()));
        breaker.state.load(Ordering::Relaxed) != State::Open.number()
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_enough_of_enough_calls_failed() {
        let breaker = breaker();
        for _ in 0..6 {
            record(&breaker, false);
        }
        for _ in 0..5 {
            assert_eq!(record(&breaker, true), None, "fewer than half");
        }
        assert_eq!(record(&breaker, true), Some(State::Open));
        assert!(!passes(&breaker));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_are_far_apart_do_not_open_it() {
        let breaker = breaker();
        for _ in 0..50 {
            assert_eq!(record(&breaker, true), None);
            tokio::time::advance(Duration::from_millis(1200)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_seconds_two_good_calls_close_it() {
        let breaker = breaker();
        open(&breaker);
        tokio::time::advance(Duration::from_millis(4900)).await;
        assert!(!passes(&breaker));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(breaker.pass(Instant::now()));
        assert!(!breaker.pass(Instant::now()), "one at a time");
        assert_eq!(record(&breaker, false), None);
        tokio::time::advance(BETWEEN_PROBES).await;
        assert!(breaker.pass(Instant::now()));
        assert_eq!(record(&breaker, false), Some(State::Closed));
        assert!(breaker.pass(Instant::now()) && breaker.pass(Instant::now()));
        assert_eq!(record(&breaker, true), None, "it begins to count anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_call_opens_it_again() {
        let breaker = breaker();
        open(&breaker);
        tokio::time::advance(COOLING).await;
        assert!(breaker.pass(Instant::now()));
        assert_eq!(record(&breaker, true), Some(State::Open));
        tokio::time::advance(BETWEEN_PROBES).await;
        assert!(!passes(&breaker));
        tokio::time::advance(COOLING).await;
        assert!(breaker.pass(Instant::now()));
        breaker.reset();
        assert_eq!(breaker.look(), (State::Closed, Counts::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn late_answers_do_not_move_an_open_one() {
        let breaker = breaker();
        open(&breaker);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((record(&breaker, true), record(&breaker, false)), (None, None));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(breaker.pass(Instant::now()), "the five seconds run from when it opened");
    }
}
