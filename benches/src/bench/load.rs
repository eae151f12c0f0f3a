//! The load: a fixed number of connections, each sending its next request when it has its answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, JoinSet};

use crate::{
    http_client::{Connection, Outgoing, is_success},
    operations::Operation,
    process::Process,
};

pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

/// What one run showed.
pub(crate) struct Measured {
    /// Requests in a second.
    pub(crate) rate: f64,
    /// CPU time of the measured process for one request, in microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Answers that were no success.
    pub(crate) failed: usize,
}

/// Asks `process` for what `request(connection, turn)` makes.
pub(crate) async fn run(
    process: &Process,
    plan: &Plan,
    request: impl Fn(usize, usize) -> Outgoing + Clone + Send + 'static,
) -> anyhow::Result<Measured> {
    let counting = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for number in 0..plan.connections {
        let mut connection = Connection::open(process.address()).await?;
        let (counting, stop, request) = (Arc::clone(&counting), Arc::clone(&stop), request.clone());
        callers.spawn(async move {
            let mut seen = Seen::default();
            for turn in 0.. {
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
    tokio::time::sleep(plan.time / 5).await;
    let (cpu_before, start) = (process.cpu_time()?, Instant::now());
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(plan.time).await;
    counting.store(false, Ordering::Relaxed);
    let (cpu, elapsed) = (process.cpu_time()? - cpu_before, start.elapsed());
    stop.store(true, Ordering::Relaxed);

    let mut all = Seen::default();
    while let Some(seen) = callers.join_next().await {
        let seen = seen??;
        all.times.extend(seen.times);
        all.failed += seen.failed;
    }
    Ok(all.sum_up(cpu, elapsed))
}

/// Sends `rate` requests a second, evenly, until it is aborted.
pub(crate) async fn steady(
    process: &Process,
    rate: u32,
    operation: Operation,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    const CONNECTIONS: u32 = 8;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(process.address()).await?);
    }
    Ok(tokio::spawn(async move {
        let senders = connections.into_iter().enumerate().map(|(number, mut connection)| {
            let operation = operation.clone();
            async move {
                let mut ticks =
                    tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / rate.max(CONNECTIONS));
                for turn in 0.. {
                    ticks.tick().await;
                    connection.send(operation.request(number, turn)).await?;
                }
                anyhow::Ok(())
            }
        });
        let mut all: JoinSet<anyhow::Result<()>> = senders.collect();
        while let Some(ended) = all.join_next().await {
            ended??;
        }
        Ok(())
    }))
}

#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    failed: usize,
}

impl Seen {
    fn sum_up(mut self, cpu: Duration, elapsed: Duration) -> Measured {
        self.times.sort_unstable();
        let count = self.times.len().max(1);
        let at = |share: usize| self.times.get(count * share / 100).copied().unwrap_or_default();
        Measured {
            rate: self.times.len() as f64 / elapsed.as_secs_f64(),
            cpu_us: cpu.as_secs_f64() * 1e6 / count as f64,
            p50: at(50),
            p99: at(99),
            failed: self.failed,
        }
    }
}
