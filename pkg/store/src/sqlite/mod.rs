//! The embedded database: a SQLite file in WAL mode, many readers beside one writer.

mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{
        self,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
    },
};

use crate::StoreError;

pub(crate) use writer::start;

/// Connections that read side by side.
const READERS: u32 = 4;

/// Opens the file, and makes it if there is none: the readers and the writer.
pub(crate) async fn open(path: &str) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    make_folder(path)?;
    // The writer comes first: it makes the file and puts it into WAL mode.
    let writer = Database::connect(options(path, 1)).await?;
    let readers = Database::connect(options(path, READERS)).await?;
    Ok((readers, writer))
}

/// Opens the file, and makes it if there is none, with one connection for everything: nobody else can open it meanwhile.
/// It fails while anybody else has it open.
pub(crate) async fn open_alone(path: &str) -> Result<DatabaseConnection, StoreError> {
    make_folder(path)?;
    let mut options = options(path, 1);
    options
        .acquire_timeout(Duration::from_secs(10))
        .map_sqlx_sqlite_opts(|options| configured(options).locking_mode(SqliteLockingMode::Exclusive));
    Ok(Database::connect(options).await?)
}

/// Whether somebody else has the file.
pub(crate) fn is_taken(error: &StoreError) -> bool {
    let StoreError::Database(error) = error else { return false };
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = &**error else { return false };
    let RuntimeErr::SqlxError(error) = error else { return false };
    let sqlx::Error::Database(error) = &**error else { return false };
    // SQLITE_BUSY, whatever is behind it.
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

fn make_folder(path: &str) -> Result<(), StoreError> {
    let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .map_err(|cause| StoreError::File { path: path.to_owned(), cause: Arc::new(cause) })
}

fn options(path: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite:{path}?mode=rwc"));
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(2))
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .record_stmt_in_spans(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(configured);
    options
}

fn configured(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk before it is answered.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(2))
        .statement_cache_capacity(200)
        .pragma("cache_size", "-4096")
        .pragma("temp_store", "memory")
}
