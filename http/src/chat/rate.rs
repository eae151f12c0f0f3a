//! How fast one connection may ask.

use std::time::Duration;

use tokio::time::Instant;

/// Refusals in a row, in seconds' worth of requests, after which a client is taken to be abusive.
const PATIENCE_S: f64 = 20.0;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served,
    TooFast,
    /// It has been too fast for so long that the connection is to be closed.
    Abuse,
}

/// A bucket of permits that fills up by time.
pub(crate) struct Rate {
    permits: f64,
    refused: f64,
    filled: Instant,
}

impl Rate {
    /// A full bucket.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self { permits: f64::from(per_second), refused: 0.0, filled: now }
    }

    /// Judges a request that comes `now`. At most `per_second` are served on average and at once.
    pub(crate) fn judge(&mut self, per_second: u32, now: Instant) -> Verdict {
        let per_second = f64::from(per_second);
        let passed: Duration = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.permits = (self.permits + passed.as_secs_f64() * per_second).min(per_second);
        if self.permits >= 1.0 {
            self.permits -= 1.0;
            self.refused = (self.refused - 1.0).max(0.0);
            return Verdict::Served;
        }
        self.refused += 1.0;
        if self.refused > PATIENCE_S * per_second { Verdict::Abuse } else { Verdict::TooFast }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends at a steady rate for `seconds` and counts what is served; `None` when the connection would be closed.
    fn served(per_second: u32, seconds: u32) -> Option<u32> {
        let start = Instant::now();
        let mut rate = Rate::new(10, start);
        let mut served = 0;
        for number in 0..per_second * seconds {
            let now = start + Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
            match rate.judge(10, now) {
                Verdict::Served => served += 1,
                Verdict::TooFast => {}
                Verdict::Abuse => return None,
            }
        }
        Some(served)
    }

    #[test]
    fn who_keeps_to_the_limit_is_always_served() {
        assert_eq!(served(10, 100), Some(1000));
    }

    #[test]
    fn who_is_too_fast_is_served_at_the_limit() {
        let served = served(20, 30).unwrap();
        assert!((300..=311).contains(&served), "{served}");
    }

    #[test]
    fn another_limit_counts_at_once() {
        let start = Instant::now();
        let mut rate = Rate::new(10, start);
        assert_eq!(rate.judge(1, start), Verdict::Served);
        assert_eq!(rate.judge(1, start), Verdict::TooFast);
        let later = start + Duration::from_secs(1);
        let served = (0..200).filter(|_| rate.judge(100, later) == Verdict::Served).count();
        assert_eq!(served, 100);
    }

    #[test]
    fn a_flood_that_does_not_end_closes_the_connection() {
        assert!(served(50, 5).is_some());
        assert!(served(50, 60).is_none());
    }
}
