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
/// Runs one transaction inside the group's; an error says that the group's is no longer there.
type Job =
    Box<dyn for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, (Finish, Result<(), DbErr>)> + Send>;

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
                let (result, group) = match tokio::time::timeout(TRANSACTION_MAX, attempt).await {
                    Ok(Ok(ended)) => ended,
                    Ok(Err(_)) => (Err(StoreError::GivenUp("it panicked").into()), Ok(())),
                    Err(_) => (Err(StoreError::GivenUp("it took too long").into()), Ok(())),
                };
                let finish = move |committed: Result<(), StoreError>| {
                    let result = result.and_then(|value| committed.map(|()| value).map_err(E::from));
                    // Nobody waits any more: the caller's deadline has passed.
                    let _ = answer.send(result);
                };
                (Box::new(finish) as Finish, group)
            })
        });
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::GivenUp("the store is closed"),
        })?;
        match answered.await {
            Ok(result) => result,
            Err(_closed) => Err(StoreError::GivenUp("its group was given up").into()),
        }
    }
}

/// The result of `f`, and whether the group's transaction still stands: on a full disk, for one, SQLite takes back
/// all of it, and whatever came then would be stored by itself.
async fn in_savepoint<T, E, F>(group: &DatabaseTransaction, f: &F) -> (Result<T, E>, Result<(), DbErr>)
where
    E: From<StoreError>,
    F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>>,
{
    let own = match group.begin().await {
        Ok(own) => own,
        Err(error) => return (Err(StoreError::GivenUp("it could not begin").into()), Err(error)),
    };
    let result = f(&own).await;
    let ended = if result.is_ok() { own.commit().await } else { own.rollback().await };
    (result, ended)
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
        if committed.is_err() {
            renew(&connection).await;
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
        let (finish, group) = job(&transaction).await;
        finished.push(finish);
        group?;
    }
    transaction.commit().await
}

/// Makes room for a new connection: the driver counts the savepoints of this one, and after a transaction that
/// SQLite has taken back by itself it counts wrong.
async fn renew(connection: &DatabaseConnection) {
    let closed = match connection.get_sqlite_connection_pool().acquire().await {
        Ok(connection) => connection.close().await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        tracing::warn!(%error, "a broken connection could not be closed");
    }
}
