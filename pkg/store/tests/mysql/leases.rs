use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fanone_store::{Store, jobs};
use tokio_util::sync::CancellationToken;

use crate::fresh;

/// A process that runs the job: how often it has, and how to end it.
struct Process {
    runs: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Process {
    fn start(store: Store) -> Self {
        let (runs, shutdown) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (counted, ended) = (Arc::clone(&runs), shutdown.clone());
        let task = tokio::spawn(async move {
            let job = |_| async {
                counted.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(())
            };
            jobs::every(&store, "test_job", || Duration::from_millis(100), ended, job).await;
        });
        Self { runs, shutdown, task }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Waits until it runs the job, and answers how long that took.
    async fn runs_again(&self) -> Duration {
        let (before, start) = (self.runs(), Instant::now());
        while self.runs() == before {
            assert!(start.elapsed() < Duration::from_secs(20), "nobody takes over");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_in_one_process_and_moves_when_that_one_dies_or_ends() {
    let fresh = fresh().await;
    let first = Process::start(fresh.store().await);
    first.runs_again().await;
    let second = Process::start(fresh.store().await);
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(second.runs(), 0, "the first renews its lease");
    // As by a kill: it does not give the lease back.
    first.task.abort();
    let took = second.runs_again().await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    let third = Process::start(fresh.store().await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(third.runs(), 0);
    second.shutdown.cancel();
    second.task.await.unwrap();
    let took = third.runs_again().await;
    assert!(took < Duration::from_secs(5), "an orderly end gives the lease back: {took:?}");
    third.task.abort();
    fresh.drop().await;
}
