//! How many calls of the last ten seconds failed.

use tokio::time::{Duration, Instant};

const BUCKETS: u64 = 10;
const BUCKET: Duration = Duration::from_secs(1);

/// A sliding window.
#[derive(Debug)]
pub(crate) struct Window {
    began: Instant,
    buckets: [Bucket; BUCKETS as usize],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Which second it counts, from 1.
    second: u64,
    counts: Counts,
}

/// Calls, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u32,
    pub(crate) failed: u32,
}

impl Counts {
    /// Whether the failed ones are this part of at least so many.
    pub(crate) fn reach(self, rate: f64, sample: u32) -> bool {
        self.failed > 0 && self.calls >= sample && f64::from(self.failed) >= rate * f64::from(self.calls)
    }
}

impl Window {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, buckets: [Bucket::default(); BUCKETS as usize] }
    }

    pub(crate) fn record(&mut self, failed: bool, now: Instant) {
        let second = self.second(now);
        let Some(bucket) = self.buckets.get_mut((second % BUCKETS) as usize) else { return };
        if bucket.second != second {
            *bucket = Bucket { second, counts: Counts::default() };
        }
        bucket.counts.calls += 1;
        bucket.counts.failed += u32::from(failed);
    }

    pub(crate) fn counts(&self, now: Instant) -> Counts {
        let oldest = (self.second(now) + 1).saturating_sub(BUCKETS);
        let young = self.buckets.iter().filter(|bucket| bucket.second >= oldest.max(1));
        young.fold(Counts::default(), |sum, Bucket { counts, .. }| Counts {
            calls: sum.calls + counts.calls,
            failed: sum.failed + counts.failed,
        })
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() / BUCKET.as_secs() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_are_forgotten_after_ten_seconds() {
        let mut window = Window::new(Instant::now());
        window.record(true, Instant::now());
        tokio::time::advance(Duration::from_secs(5)).await;
        window.record(false, Instant::now());
        let counts = |window: &Window| window.counts(Instant::now());
        assert_eq!(counts(&window), Counts { calls: 2, failed: 1 });
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(counts(&window), Counts { calls: 1, failed: 0 });
        window.record(true, Instant::now());
        assert_eq!(counts(&window), Counts { calls: 2, failed: 1 }, "the bucket is used again");
        tokio::time::advance(Duration::from_secs(500)).await;
        assert_eq!(counts(&window), Counts::default());
    }

    #[test]
    fn a_rate_counts_from_a_sample_on() {
        let counts = Counts { calls: 200, failed: 100 };
        assert!(counts.reach(0.5, 200));
        assert!(!counts.reach(0.51, 200));
        assert!(!counts.reach(0.5, 201));
        assert!(!Counts { calls: 9, failed: 0 }.reach(0.0, 1), "without a failure nothing is reached");
    }
}
