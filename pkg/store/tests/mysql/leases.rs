use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fanone_base::{Bucket, Id};
use fanone_store::{
    OutboxEvent, Shard, Store, StoreError, jobs,
    outbox::{self, Batch},
};
use sea_orm::{ConnectionTrait, Statement};
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

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_alone_is_refused_to_others_until_it_has_ended_well_or_not() {
    let fresh = fresh().await;
    let (mine, anothers) = (fresh.store().await, fresh.store().await);
    let nothing =
        async || jobs::alone(&anothers, "test_alone", async { Ok::<_, StoreError>(()) }).await.unwrap();

    let told = jobs::alone(&mine, "test_alone", async { Ok::<_, StoreError>(nothing().await) }).await;
    assert_eq!(told.unwrap(), Some(None), "refused meanwhile");
    assert_eq!(nothing().await, Some(()));

    let failed = jobs::alone(&mine, "test_alone", async { Err::<(), _>(StoreError::Busy) }).await;
    assert!(matches!(failed, Err(StoreError::Busy)), "{failed:?}");
    assert_eq!(nothing().await, Some(()));
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_loses_the_lease_shows_no_lag_any_more() {
    const LAG: &str = "fanone_outbox_pending_events{source=\"test\",shard=\"0\",destination=\"nowhere\"}";
    let shown = async |value: u64| {
        let (metrics, start) = (fanone_telemetry::metrics::install().unwrap(), Instant::now());
        while !metrics.render().contains(&format!("{LAG} {value}\n")) {
            assert!(start.elapsed() < Duration::from_secs(20), "not {value}:\n{}", metrics.render());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let fresh = fresh().await;
    let store = fresh.store().await;
    let shard = store.shard(Bucket::new(0)).clone();
    let happen = shard.write(|tx| {
        Box::pin(async move { outbox::record(tx, "nowhere", &[OutboxEvent::counter(1, Id(1), 1)]).await })
    });
    happen.await.unwrap();
    let (jobs_store, shutdown) = (store.clone(), CancellationToken::new());
    let ended = shutdown.clone();
    let process = tokio::spawn(async move {
        let job = |shard: Shard| async move {
            let refuse = async |_: Batch| Err(StoreError::Busy);
            outbox::deliver(&shard, "nowhere", 10, refuse).await.map(drop)
        };
        jobs::every(&jobs_store, "test_lag", || Duration::from_millis(100), ended, job).await;
    });
    shown(1).await;

    let take = shard.write(|tx| {
        Box::pin(async move {
            let sql = "UPDATE lease SET holder = 'another', expires_at = expires_at + 60000 WHERE name = 'test_lag'";
            tx.execute_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
            Ok::<_, StoreError>(())
        })
    });
    take.await.unwrap();
    shown(0).await;

    shutdown.cancel();
    process.await.unwrap();
    fresh.drop().await;
}
