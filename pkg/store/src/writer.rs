//! The one writer of an embedded database, which commits in groups.
//!
//! A commit waits for the disk. While it does, further transactions queue up; the writer then runs
//! all of them as savepoints of one transaction and answers none before that one is committed. So
//! a durable commit is shared by everyone who waited for it, and a failure undoes its own part only.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;

/// Transactions that may wait.
const QUEUE_MAX: usize = 4096;
/// Transactions in one commit.
const GROUP_MAX: usize = 128;
/// What one transaction may take; everybody else waits for it.
const TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Told whether the commit held, a finished transaction answers its caller.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs one transaction inside the group's.
type Job = Box<dyn for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Finish> + Send>;

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the writer on its own connection; it ends when the last handle is gone.
    pub(crate) fn start(connection: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let commits = Arc::new(AtomicU64::new(0));
        tokio::spawn(work(connection, jobs, Arc::clone(&commits)));
        Self { queue, commits }
    }

    /// How often something was committed. It grows before the commit is answered.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Runs `f` in a transaction: all of it is stored, durably, or nothing.
    pub(crate) async fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |group| {
            Box::pin(async move {
                let attempt = AssertUnwindSafe(in_savepoint(group, &f)).catch_unwind();
                let result = match tokio::time::timeout(TRANSACTION_MAX, attempt).await {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => Err(StoreError::GivenUp("it panicked").into()),
                    Err(_) => Err(StoreError::GivenUp("it took too long").into()),
                };
                Box::new(move |committed: Result<(), StoreError>| {
                    let result = result.and_then(|value| committed.map(|()| value).map_err(E::from));
                    // Nobody waits any more: the caller's deadline has passed.
                    let _ = answer.send(result);
                }) as Finish
            })
        });
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::GivenUp("the store is closed"),
        })?;
        match answered.await {
            Ok(result) => result,
            Err(_closed) => Err(StoreError::GivenUp("the store is closed").into()),
        }
    }
}

async fn in_savepoint<T, E, F>(group: &DatabaseTransaction, f: &F) -> Result<T, E>
where
    E: From<StoreError>,
    F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>>,
{
    let own = group.begin().await.map_err(StoreError::from)?;
    match f(&own).await {
        Ok(value) => {
            own.commit().await.map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => {
            own.rollback().await.map_err(StoreError::from)?;
            Err(error)
        }
    }
}

async fn work(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Job>, commits: Arc<AtomicU64>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
        let mut finished = Vec::with_capacity(group.len());
        let committed = commit_group(&connection, group.drain(..), &mut finished).await;
        commits.fetch_add(1, Ordering::Release);
        if let Err(error) = &committed {
            tracing::error!(error = error as &dyn std::error::Error, "commit failed");
        }
        let committed = committed.map_err(StoreError::from);
        for finish in finished {
            finish(committed.clone());
        }
    }
}

async fn commit_group(
    connection: &DatabaseConnection,
    jobs: impl Iterator<Item = Job>,
    finished: &mut Vec<Finish>,
) -> Result<(), DbErr> {
    let transaction = connection.begin().await?;
    for job in jobs {
        finished.push(job(&transaction).await);
    }
    transaction.commit().await
}
