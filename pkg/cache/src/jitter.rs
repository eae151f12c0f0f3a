//! Times to live that differ a little.

use std::time::Duration;

/// A tenth more or less than `ttl`, by chance: what was cached at the same time does not expire at the same time, and so is
/// not loaded again all at once.
#[must_use]
pub fn jittered(ttl: Duration) -> Duration {
    ttl.mul_f64(rand::random_range(0.9..=1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_differs_by_a_tenth_at_most() {
        let ttl = Duration::from_secs(100);
        let some: Vec<Duration> = (0..1000).map(|_| jittered(ttl)).collect();
        let (least, most) = (some.iter().min().unwrap(), some.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(90) && *most <= Duration::from_secs(110));
        assert!(*most - *least > Duration::from_secs(10), "they are spread");
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
