//! The embedded database: a SQLite file in WAL mode, many readers beside one writer.

mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::StoreError;

pub(crate) use writer::start;

/// Connections that read side by side.
const READERS: u32 = 4;

/// Opens the file, and makes it if there is none: the readers and the writer.
pub(crate) async fn open(path: &str) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|cause| StoreError::File { path: path.to_owned(), cause: Arc::new(cause) })?;
    }
    // The writer comes first: it makes the file and puts it into WAL mode.
    let writer = Database::connect(options(path, 1)).await?;
    let readers = Database::connect(options(path, READERS)).await?;
    Ok((readers, writer))
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
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                // A commit is on the disk before it is answered.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(2))
                .statement_cache_capacity(200)
                .pragma("cache_size", "-4096")
                .pragma("temp_store", "memory")
        });
    options
}
