//! Scheduled jobs: one run after the other, measured, told of when they begin to fail and when they work again.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::logs::chain;
use crate::names;
use crate::timings::Timings;

static DURATION: Timings<1> = Timings::new(names::JOB_DURATION, ["job_name"]);

/// The interval of a job is looked at this often at least, for it may be a live setting.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs a job at once and then every `interval`, until `shutdown`. Runs never overlap: one that takes longer than the
/// interval delays the next. A run that is under way at the shutdown is dropped where it waits, so a job must bear
/// being interrupted, as it must bear a crash.
///
/// Failures and panics are counted each and logged when the job begins to fail, not at every run.
pub async fn every<Job, Run, E>(
    name: &'static str,
    interval: impl Fn() -> Duration,
    shutdown: CancellationToken,
    mut job: Job,
) where
    Job: FnMut() -> Run,
    Run: Future<Output = Result<(), E>>,
    E: Error,
{
    let mut begun: Option<Instant> = None;
    let mut failures: u64 = 0;
    // An alert needs the series before the first failure.
    metrics::counter!(names::JOB_FAILURES, "job_name" => name).increment(0);
    succeeded(name);
    loop {
        metrics::gauge!(names::JOB_INTERVAL, "job_name" => name).set(interval().as_secs_f64());
        let run = async {
            if let Some(begun) = begun {
                due(begun, &interval).await;
            }
            let started = Instant::now();
            begun = Some(started);
            let outcome = AssertUnwindSafe(job()).catch_unwind().await;
            DURATION.record([name], started.elapsed());
            outcome
        };
        let Some(outcome) = shutdown.run_until_cancelled(run).await else { return };
        let problem = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(chain(&error)),
            Err(_panic) => Some("panicked".to_owned()),
        };
        failures = note(name, problem, failures);
    }
}

/// Waits until the interval after `begun` has passed.
async fn due(begun: Instant, interval: &impl Fn() -> Duration) {
    loop {
        let left = interval().saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        sleep(left.min(LOOK_AGAIN)).await;
    }
}

/// Counts and logs the outcome of a run; gives the number of failures in a row.
fn note(name: &'static str, problem: Option<String>, failures: u64) -> u64 {
    let Some(problem) = problem else {
        succeeded(name);
        if failures > 0 {
            tracing::info!(job = name, failures, "job works again");
        }
        return 0;
    };
    metrics::counter!(names::JOB_FAILURES, "job_name" => name).increment(1);
    if failures == 0 {
        tracing::error!(job = name, error = problem, "job fails");
    }
    failures + 1
}

/// Notes the time.
fn succeeded(name: &'static str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!(names::JOB_LAST_SUCCESS, "job_name" => name).set(now.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::io;

    use super::*;
    use crate::metrics;

    fn second() -> Duration {
        Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_goes_on_after_failures_and_panics_and_counts_them() {
        let metrics = metrics::install().unwrap();
        let shutdown = CancellationToken::new();
        let runs = Cell::new(0);
        every("test_failing", second, shutdown.clone(), || async {
            runs.set(runs.get() + 1);
            match runs.get() {
                1 => Err(io::Error::other("no")),
                2 => panic!("a panic of the test"),
                3 => Ok(()),
                _ => {
                    shutdown.cancel();
                    Ok(())
                }
            }
        })
        .await;
        assert_eq!(runs.get(), 4);
        let text = metrics.render();
        assert!(text.contains("fanone_job_failures_total{job_name=\"test_failing\"} 2"), "{text}");
        assert!(text.contains("fanone_job_duration_seconds_count{job_name=\"test_failing\"} 4"), "{text}");
        assert!(text.contains("fanone_job_interval_seconds{job_name=\"test_failing\"} 1"), "{text}");
        assert!(
            text.contains("fanone_job_last_success_timestamp_seconds{job_name=\"test_failing\"} 1"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn another_interval_counts_within_a_second() {
        let shutdown = CancellationToken::new();
        let begun = Instant::now();
        let interval = || Duration::from_secs(if begun.elapsed().is_zero() { 86_400 } else { 2 });
        let runs = Cell::new(0);
        every("test_interval", interval, shutdown.clone(), || async {
            runs.set(runs.get() + 1);
            if runs.get() == 2 {
                shutdown.cancel();
            }
            Ok::<_, io::Error>(())
        })
        .await;
        assert!(begun.elapsed() <= Duration::from_millis(2100), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_run_under_way_ends_at_the_shutdown() {
        let shutdown = CancellationToken::new();
        every("test_hanging", second, shutdown.clone(), || {
            shutdown.cancel();
            pending::<Result<(), io::Error>>()
        })
        .await;
    }
}
