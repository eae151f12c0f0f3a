//! A limit of calls in a second.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

/// How often tokens come in, as in Kitex.
const TICK: Duration = Duration::from_millis(100);
/// Tokens of one call: so many ticks make a second, so a tick brings the limit's number of tokens.
const CALL: u32 = 10;
/// The highest limit; above it there is no use in one.
pub(crate) const QPS_MAX: u32 = 10_000_000;

/// A bucket of tokens: a tenth of the limit comes in every 100 ms, and it holds those of a second. One atomic number is all of its
/// state, so calls don't wait for each other.
#[derive(Debug)]
pub struct Limiter {
    began: Instant,
    /// Calls in a second; 0: no limit.
    limit: AtomicU32,
    /// In the upper half the tick up to which tokens have come in, in the lower half the tokens.
    state: AtomicU64,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { began: Instant::now(), limit: AtomicU32::new(0), state: AtomicU64::new(0) }
    }
}

impl Limiter {
    /// Takes so many calls in a second from now on; 0 takes all.
    pub(crate) fn set(&self, limit: u32) {
        let limit = limit.min(QPS_MAX);
        if self.limit.swap(limit, Ordering::Relaxed) != limit {
            self.state.store(packed(self.tick(), limit * CALL), Ordering::Relaxed);
        }
    }

    /// The limit; 0: none.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Whether there is room for one more call now.
    #[must_use]
    pub fn admits(&self) -> bool {
        let limit = self.limit();
        if limit == 0 {
            return true;
        }
        let now = self.tick();
        let take = |state: u64| {
            let (then, tokens) = unpacked(state);
            let come = limit.saturating_mul(now.saturating_sub(then));
            let tokens = tokens.saturating_add(come).min(limit * CALL);
            tokens.checked_sub(CALL).map(|left| packed(now.max(then), left))
        };
        self.state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn tick(&self) -> u32 {
        let ticks = Instant::now().saturating_duration_since(self.began).as_millis() / TICK.as_millis();
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

fn packed(tick: u32, tokens: u32) -> u64 {
    u64::from(tick) << 32 | u64::from(tokens)
}

fn unpacked(state: u64) -> (u32, u32) {
    ((state >> 32) as u32, state as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(limiter: &Limiter, asked: usize) -> usize {
        (0..asked).filter(|_| limiter.admits()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenth_of_the_limit_comes_in_every_100_ms() {
        let limiter = Limiter::default();
        assert_eq!(admitted(&limiter, 1000), 1000, "no limit");
        limiter.set(200);
        assert_eq!(admitted(&limiter, 1000), 200);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(admitted(&limiter, 1000), 0);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(admitted(&limiter, 1000), 20);
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!(admitted(&limiter, 1000), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_limit_holds_over_time_and_a_long_rest_gives_no_more_than_a_second() {
        let limiter = Limiter::default();
        limiter.set(3);
        assert_eq!(admitted(&limiter, 10), 3);
        let mut sum = 0;
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(100)).await;
            sum += admitted(&limiter, 10);
        }
        assert_eq!(sum, 30);
        tokio::time::advance(Duration::from_secs(100_000)).await;
        assert_eq!(admitted(&limiter, 10), 3);
        limiter.set(0);
        assert_eq!(admitted(&limiter, 10), 10);
    }
}
