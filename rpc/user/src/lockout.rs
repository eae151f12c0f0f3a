//! When failures lock an account.

use fanone_base::time;
use fanone_config::Limits;

/// How long a lock lasts, and how long a failure is remembered: 5 minutes.
const LOCK_MS: i64 = 5 * 60 * 1000;

/// So many failures, each less than 5 minutes after the one before, lock for 5 minutes after the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lockout {
    failures_max: Option<u32>,
}

impl Lockout {
    /// The lock after wrong passwords.
    pub(crate) fn of_passwords(limits: &Limits) -> Self {
        if limits.enabled { Self::after(limits.logins_failed_per_account) } else { Self::never() }
    }

    /// The lock after wrong codes. It is in force even without limits: six digits alone would not last long.
    pub(crate) fn of_codes(limits: &Limits) -> Self {
        Self::after(limits.mfa_failures)
    }

    /// A lock after `failures_max` failures.
    fn after(failures_max: u32) -> Self {
        Self { failures_max: Some(failures_max.max(1)) }
    }

    /// No lock at all.
    fn never() -> Self {
        Self { failures_max: None }
    }

    /// Whether an account with so many failures, the last at `failed_at` (Unix milliseconds), is locked.
    pub(crate) fn holds(self, failures: i64, failed_at: i64) -> bool {
        failures >= self.failures_max() && failed_at > Self::forget_until(time::now_ms())
    }

    /// With so many failures an account is locked.
    pub(crate) fn failures_max(self) -> i64 {
        self.failures_max.map_or(i64::MAX, i64::from)
    }

    /// Failures up to this time no longer count.
    pub(crate) fn forget_until(now: i64) -> i64 {
        now - LOCK_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_failures_lock_for_five_minutes() {
        let (lockout, now) = (Lockout::after(3), time::now_ms());
        assert!(!lockout.holds(2, now));
        assert!(lockout.holds(3, now));
        assert!(lockout.holds(3, now - LOCK_MS + 60_000));
        assert!(!lockout.holds(3, now - LOCK_MS));
        assert!(!Lockout::never().holds(1_000_000, now));
    }
}
