//! The one writer of an embedded database, which commits in groups.
//!
//! A commit waits for the disk. While it does, further transactions queue up; the writer then runs
//! all of them as savepoints of one transaction and answers none before that one is committed. So
//! a durable commit is shared by everyone who waited for it, and a failure undoes its own part only.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};
use tokio::sync::mpsc;

use crate::{
    StoreError, Tx,
    versions::ShardVersion,
    work::{Queue, Work},
};

/// Transactions in one commit.
const GROUP_MAX: usize = 128;
/// What one transaction may take; everybody else waits for it.
const TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Starts the writer on its own connection; it ends when the last handle of the queue is gone.
pub(crate) fn start(connection: DatabaseConnection, version: &ShardVersion) -> Queue {
    let (queue, waiting) = Queue::new();
    tokio::spawn(work(connection, waiting, version.clone()));
    queue
}

async fn work(
    connection: DatabaseConnection,
    mut waiting: mpsc::Receiver<Box<dyn Work>>,
    version: ShardVersion,
) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        let committed = commit_group(&connection, &mut group).await;
        version.renew().await;
        if let Err(error) = &committed {
            tracing::error!(error = error as &dyn std::error::Error, "commit failed");
        }
        let committed = committed.map_err(StoreError::from);
        for work in group.drain(..) {
            work.finish(committed.clone());
        }
        if committed.is_err() {
            renew(&connection).await;
        }
    }
}

async fn commit_group(connection: &DatabaseConnection, group: &mut [Box<dyn Work>]) -> Result<(), DbErr> {
    let transaction = connection.begin().await?;
    for work in group {
        in_savepoint(&transaction, work.as_mut()).await?;
    }
    transaction.commit().await
}

/// Fails when the group's transaction no longer stands: on a full disk, for one, SQLite takes back all of it, and
/// whatever came then would be stored by itself.
async fn in_savepoint(group: &DatabaseTransaction, work: &mut dyn Work) -> Result<(), DbErr> {
    let tx = Tx::sqlite(group.begin().await?);
    let wanted = tokio::time::timeout(TRANSACTION_MAX, work.run(&tx)).await.unwrap_or(false);
    match tx.into_sqlite() {
        Some(own) if wanted => own.commit().await,
        Some(own) => own.rollback().await,
        None => Ok(()),
    }
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
