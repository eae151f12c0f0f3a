//! Rules as the layers go by them.

use std::time::Duration;

/// When a breaker opens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaking {
    /// The part of the calls that fail.
    pub err_rate: f64,
    /// Of at least so many.
    pub min_sample: u32,
}

/// A call that may be made more than once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Repeat {
    /// Again, when an attempt brought nothing.
    Failure(FailurePolicy),
    /// Once more beside it, when an attempt takes long; the first good answer counts.
    Backup(BackupPolicy),
}

impl Repeat {
    /// From which part of failed attempts on nothing is repeated, if there is such a limit.
    #[must_use]
    pub const fn error_rate(&self) -> Option<f64> {
        match self {
            Self::Failure(policy) => policy.error_rate,
            Self::Backup(policy) => Some(policy.error_rate),
        }
    }
}

/// When and how often a call is made again after an attempt that brought nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailurePolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// No attempt begins later than this.
    pub within: Option<Duration>,
    /// All attempts together end after this.
    pub total: Option<Duration>,
    /// The pause before each.
    pub backoff: Backoff,
    /// At the same instance, though there is another one.
    pub same_instance: bool,
    /// From this part of failed attempts on there are none.
    pub error_rate: Option<f64>,
}

/// When and how often a call is made once more beside those under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackupPolicy {
    /// How long an attempt is waited for.
    pub delay: Duration,
    /// Attempts beside the first.
    pub backups: u32,
    /// No attempt begins later than this.
    pub within: Option<Duration>,
    /// From this part of failed attempts on there are none.
    pub error_rate: f64,
}

/// The pause before an attempt that follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// None.
    None,
    /// Always the same.
    Fixed(Duration),
    /// Between the two.
    Random(Duration, Duration),
}

impl Backoff {
    /// The next pause.
    #[must_use]
    pub fn pause(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(pause) => pause,
            Self::Random(least, most) => least + most.saturating_sub(least).mul_f64(rand::random::<f64>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_pause_lies_between_its_ends() {
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(9));
        for _ in 0..100 {
            assert!((least..=most).contains(&Backoff::Random(least, most).pause()));
        }
        assert_eq!(Backoff::Fixed(most).pause(), most);
        assert!(Backoff::None.pause().is_zero());
    }
}
