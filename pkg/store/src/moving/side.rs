//! A database that takes part in a move: opened for this program alone, whatever its buckets are.

use std::{path::Path, sync::Arc, time::Duration};

use fanone_config::{Buckets, DatabaseUrl, ShardPlace};
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::{MoveError, guard};
use crate::{
    Options, Reader, StoreError, Tx,
    layout::Layout,
    lease,
    metric::Durations,
    migration,
    mysql::{self, MysqlTx, Nodes},
    shard::connect,
    sqlite,
    versions::{ShardVersion, StoreVersions},
    work::{Queue, Repeat},
};

/// The lease of a move.
pub(super) const LEASE: &str = "shard_move";
/// A page may need a look at a whole table, milliseconds.
const STATEMENT_MAX_MS: u64 = 30 * 60 * 1000;
/// Nobody waits for an answer of ours, milliseconds.
const ACQUIRE_MAX_MS: u64 = 10_000;

/// One database.
pub(super) struct Side {
    /// Where it is.
    pub(super) urls: Vec<DatabaseUrl>,
    /// The name under which it sends, which tells it from all others.
    pub(super) name: String,
    /// For statements that only read.
    pub(super) reader: Reader,
    queue: Queue,
    holder: Arc<str>,
    file: Option<DatabaseConnection>,
}

/// Whether a database may be made, or brought up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// If need be.
    Yes,
    /// It must be there.
    No,
}

impl Side {
    /// Opens a database that belongs to the role, or to nobody yet.
    pub(super) async fn open(
        urls: &[DatabaseUrl],
        make: Make,
        options: &Options,
        holder: &Arc<str>,
    ) -> Result<Self, MoveError> {
        let place = ShardPlace { buckets: Buckets::default(), urls: urls.to_vec() };
        let text = place.to_string();
        let version = ShardVersion::new(0, StoreVersions::new(None, Vec::new()));
        let (reader, queue, file) = match urls.first() {
            Some(DatabaseUrl::Sqlite(path)) => {
                let file = open_file(path, &text, make).await?;
                is_of_role(&file, &text, options).await?;
                migration::run_embedded(&file, &text, options).await?;
                (Reader::sqlite(file.clone()), sqlite::start(file.clone(), &version), Some(file))
            }
            _ => {
                let mut options = options.clone();
                options.connections.transaction_timeout_ms = STATEMENT_MAX_MS;
                options.connections.acquire_timeout_ms = ACQUIRE_MAX_MS;
                let nodes = connect(&place, &options, &Durations::of(options.namespace, "mysql"))?;
                nodes.reach(&text).await?;
                prepare(&nodes, &text, make, &options).await?;
                (Reader::mysql(nodes.clone()), mysql::start(&nodes, &version), None)
            }
        };
        migration::check_exact(&reader, &text, options).await?;
        let name = migration::identity(&reader).await?;
        Ok(Self { urls: urls.to_vec(), name, reader, queue, holder: Arc::clone(holder), file })
    }

    /// The URLs, without secrets.
    pub(super) fn place(&self) -> String {
        ShardPlace { buckets: Buckets::default(), urls: self.urls.clone() }.to_string()
    }

    /// What it says of all buckets.
    pub(super) async fn layout(&self) -> Result<Layout, MoveError> {
        Ok(Layout::read(&self.reader).await?)
    }

    /// Runs `f` in a transaction, which may run more than once; not if another move has taken over.
    pub(super) async fn write<T, F>(&self, f: F) -> Result<T, MoveError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, MoveError>> + Send + Sync + 'static,
    {
        let (holder, f, place) = (Arc::clone(&self.holder), Arc::new(f), self.place());
        self.queue
            .run(Repeat::Harmless, move |tx| {
                let (holder, f, place) = (Arc::clone(&holder), Arc::clone(&f), place.clone());
                Box::pin(async move {
                    if !guard::renew(tx, LEASE, &holder, ttl()).await? {
                        return Err(MoveError::AnotherMove { place });
                    }
                    f(tx).await
                })
            })
            .await
    }

    /// Takes the lease of moves; whether it was free. A file is ours alone as long as we have it open: what its leases say
    /// is left over from a move that was killed.
    pub(super) async fn take(&self) -> Result<bool, MoveError> {
        let (holder, alone) = (Arc::clone(&self.holder), self.file.is_some());
        self.queue
            .run(Repeat::Harmless, move |tx| {
                let holder = Arc::clone(&holder);
                Box::pin(async move {
                    if alone {
                        let clear = Statement::from_string(tx.get_database_backend(), "DELETE FROM lease");
                        tx.execute_raw(clear).await?;
                    }
                    Ok(lease::write(tx, LEASE, &holder, ttl()).await?)
                })
            })
            .await
    }

    /// Gives the lease back, so that the next move need not wait.
    async fn give_back(&self) -> Result<bool, MoveError> {
        let holder = Arc::clone(&self.holder);
        self.queue
            .run(Repeat::Harmless, move |tx| {
                let holder = Arc::clone(&holder);
                Box::pin(async move { Ok(guard::renew(tx, LEASE, &holder, 0).await?) })
            })
            .await
    }

    /// The name of a lease that somebody else has here, if there is any.
    pub(super) async fn user(&self) -> Result<Option<String>, MoveError> {
        if self.file.is_some() {
            return Ok(None);
        }
        Ok(guard::of_others(&self.reader, &self.holder).await?)
    }

    /// Closes it. What goes wrong here harms nobody: the lease expires, and the file is free when the program ends.
    pub(super) async fn close(self) {
        if let Err(error) = self.give_back().await {
            tracing::debug!(error = fanone_telemetry::chain(&error), "the lease of a move expires by itself");
        }
        if let Some(file) = self.file {
            drop((self.reader, self.queue));
            if let Err(error) = file.close().await {
                tracing::debug!(error = fanone_telemetry::chain(&error), "a database file was not closed");
            }
        }
    }
}

fn ttl() -> i64 {
    i64::try_from(lease::TTL.as_millis()).unwrap_or(i64::MAX)
}

async fn open_file(path: &Path, place: &str, make: Make) -> Result<DatabaseConnection, MoveError> {
    if make == Make::No && !path.exists() {
        return Err(MoveError::NoFile { place: place.to_owned() });
    }
    let opened = sqlite::open_alone(&path.display().to_string()).await;
    opened.map_err(|cause| {
        if sqlite::is_taken(&cause) {
            return MoveError::InUse { place: place.to_owned() };
        }
        MoveError::Open { place: place.to_owned(), cause }
    })
}

/// Whether the database has a name of this role, or none yet.
async fn is_of_role(db: &impl ConnectionTrait, place: &str, options: &Options) -> Result<(), MoveError> {
    let wanted = options.namespace;
    match migration::identity(db).await {
        Ok(found) if !found.starts_with(&format!("{wanted}/")) => {
            Err(MoveError::WrongRole { place: place.to_owned(), found, wanted })
        }
        _ => Ok(()),
    }
}

/// Makes the tables of a new database, if that is allowed.
async fn prepare(nodes: &Nodes, place: &str, make: Make, options: &Options) -> Result<(), MoveError> {
    let db = Tx::mysql(MysqlTx::without_transaction(nodes.acquire().await.map_err(StoreError::from)?));
    is_of_role(&db, place, options).await?;
    match migration::check(&db, place, options).await {
        Err(StoreError::TooOld { .. }) if make == Make::Yes => {
            migration::run_on_server(&db, place, options, &|_| {}).await?;
            Ok(())
        }
        checked => Ok(checked?),
    }
}

/// Whether none of these tables has a row.
pub(super) async fn is_empty(side: &Side, tables: &[super::Table]) -> Result<bool, MoveError> {
    for name in tables.iter().map(|table| table.name).chain(["outbox", "inbox"]) {
        let sql = format!("SELECT 1 FROM {name} LIMIT 1");
        let select = Statement::from_string(side.reader.get_database_backend(), sql);
        if side.reader.query_one_raw(select).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How long it takes until a lease that nobody renews is over, and a little more.
pub(super) const PATIENCE: Duration = lease::TTL.saturating_add(Duration::from_secs(2));
