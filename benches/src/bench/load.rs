//! The load: a fixed number of connections, each sending its next request when it has its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Interval, MissedTickBehavior, interval_at},
};

use crate::{
    http_client::{Connection, Outgoing, get, is_success},
    meter::Spent,
    operations::Operation,
    process::Process,
};

pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

/// What one run showed.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Requests in a second.
    pub(crate) rate: f64,
    /// For one request.
    pub(crate) spent: Spent,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Answers that were no success.
    pub(crate) failed: usize,
}

/// Asks `process` for what the operation makes.
pub(crate) async fn run(process: &Process, plan: &Plan, operation: &Operation) -> anyhow::Result<Measured> {
    let connections = plan.connections.min(operation.connections);
    let operation = operation.clone();
    let (pace, request) = (operation.pace, move |number, turn| operation.request(number, turn));
    ask(process, connections, plan.time, pace, request).await
}

/// Asks the floor, in the same way.
pub(crate) async fn run_floor(
    process: &Process,
    plan: &Plan,
    operation: &Operation,
) -> anyhow::Result<Measured> {
    let connections = plan.connections.min(operation.connections);
    ask(process, connections, plan.time, None, |_, _| get("/")).await
}

async fn ask(
    process: &Process,
    connections: usize,
    time: Duration,
    pace: Option<f64>,
    request: impl Fn(usize, usize) -> Outgoing + Clone + Send + 'static,
) -> anyhow::Result<Measured> {
    let counting = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for number in 0..connections {
        let mut connection = Connection::open(process.address()).await?;
        let (counting, stop, request) = (Arc::clone(&counting), Arc::clone(&stop), request.clone());
        let mut pace = pace.map(|rate| ticks(rate, number, connections));
        callers.spawn(async move {
            let mut seen = Seen::default();
            for turn in 0.. {
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let start = Instant::now();
                let (head, body) = connection.send(request(number, turn)).await?;
                if counting.load(Ordering::Relaxed) {
                    seen.times.push(start.elapsed());
                    seen.failed += usize::from(!is_success(&head, &body));
                }
            }
            anyhow::Ok(seen)
        });
    }
    tokio::time::sleep(time / 5).await;
    let begun = process.meter().begin().await?;
    let start = Instant::now();
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    counting.store(false, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let total = process.meter().end(&begun).await?;
    stop.store(true, Ordering::Relaxed);

    let mut all = Seen::default();
    while let Some(seen) = callers.join_next().await {
        let seen = seen??;
        all.times.extend(seen.times);
        all.failed += seen.failed;
    }
    let requests = all.times.len();
    let (p50, p99) = (percentile(&mut all.times, 50), percentile(&mut all.times, 99));
    Ok(Measured {
        rate: requests as f64 / elapsed.as_secs_f64(),
        spent: total.for_each(requests),
        p50,
        p99,
        failed: all.failed,
    })
}

/// The turns of one of `all` connections that send `rate` requests a second together, evenly.
fn ticks(rate: f64, number: usize, all: usize) -> Interval {
    let period = Duration::from_secs_f64(all.max(1) as f64 / rate.max(1.0));
    let first = tokio::time::Instant::now() + period.mul_f64(number as f64 / all.max(1) as f64);
    let mut ticks = interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

/// A stream of requests that goes on by itself.
pub(crate) struct Steady {
    task: JoinHandle<anyhow::Result<()>>,
    answered: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    since: Instant,
}

impl Steady {
    /// Ends it; answers in a second, and how many were no success.
    pub(crate) fn end(self) -> (f64, usize) {
        self.task.abort();
        let answered = self.answered.load(Ordering::Relaxed) as f64;
        (answered / self.since.elapsed().as_secs_f64(), self.failed.load(Ordering::Relaxed))
    }
}

/// Sends `rate` requests a second over so many connections, evenly, until it is ended.
pub(crate) async fn steady(
    process: &Process,
    connections: usize,
    rate: u32,
    operation: Operation,
) -> anyhow::Result<Steady> {
    let (answered, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut senders: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for number in 0..connections {
        let mut connection = Connection::open(process.address()).await?;
        let (operation, mut ticks) = (operation.clone(), ticks(f64::from(rate), number, connections));
        let (answered, failed) = (Arc::clone(&answered), Arc::clone(&failed));
        senders.spawn(async move {
            for turn in 0.. {
                ticks.tick().await;
                let (head, body) = connection.send(operation.request(number, turn)).await?;
                answered.fetch_add(1, Ordering::Relaxed);
                failed.fetch_add(usize::from(!is_success(&head, &body)), Ordering::Relaxed);
            }
            Ok(())
        });
    }
    let task = tokio::spawn(async move {
        while let Some(ended) = senders.join_next().await {
            ended??;
        }
        Ok(())
    });
    Ok(Steady { task, answered, failed, since: Instant::now() })
}

#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    failed: usize,
}

/// The time that `share` of a hundred stay within; sorts them.
pub(crate) fn percentile(times: &mut [Duration], share: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut times: Vec<Duration> = (0..100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut times, 50), Duration::from_millis(50));
        assert_eq!(percentile(&mut times, 99), Duration::from_millis(99));
        assert_eq!(percentile(&mut times, 100), Duration::from_millis(99));
        assert_eq!(percentile(&mut [], 99), Duration::ZERO);
    }

    #[tokio::test]
    async fn connections_take_turns_at_the_pace_of_all() {
        let start = tokio::time::Instant::now();
        let (mut first, mut second) = (ticks(20.0, 0, 2), ticks(20.0, 1, 2));
        first.tick().await;
        second.tick().await;
        assert!(start.elapsed() >= Duration::from_millis(50));
        first.tick().await;
        assert!(start.elapsed() >= Duration::from_millis(100));
    }
}
