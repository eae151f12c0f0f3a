//! Numbered migrations. Each shard records which it has, and runs the rest in order.
//!
//! On a server a step is not one transaction: every statement that changes a schema commits by itself. So a step may be
//! broken off in the middle, or run twice at once; what is there already is passed over, and the step goes on.

use fanone_base::time;
use fanone_config::{DatabaseUrl, ShardPlace};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement, TransactionTrait,
    sqlx::{self, mysql::MySqlDatabaseError},
};

use crate::{Options, StoreError, Tx, layout, metric::Durations, mysql::MysqlTx, shard::connect, sqlite};

/// What a step does to programs of the version before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It only adds: they go on beside it.
    Expand,
    /// It takes away what they use: they must be gone before, and don't start after it.
    Contract,
}

/// One step of a schema. Steps only ever add; what is no longer used goes in a later version, so that the version
/// before can still run.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// From 1, without gaps.
    pub number: i32,
    /// What it does, for people.
    pub name: &'static str,
    /// What it does to the version before.
    pub step: Step,
    /// SQL that runs on SQLite and on MySQL. `{key}` stands for the type of an id that is the
    /// primary key, `{auto}` for a primary key that the database counts up itself. What changes rows must bear being run
    /// again.
    pub statements: &'static [&'static str],
}

/// The name of the store's own tables among the components.
const STORE: &str = "store";

/// The tables of the store itself, in every shard of every service.
const OWN: &[Migration] = &[
    Migration {
        number: 1,
        name: "outbox and inbox",
        step: Step::Expand,
        statements: &[
            "CREATE TABLE store_identity (id {key}, source VARCHAR(64) NOT NULL)",
            // Events on their way out; batch 0: not sealed yet.
            "CREATE TABLE outbox (id {auto}, destination VARCHAR(32) NOT NULL, batch BIGINT NOT NULL, kind INT NOT NULL, \
             entity_id BIGINT NOT NULL, delta BIGINT NOT NULL, payload BLOB, created_at BIGINT NOT NULL)",
            // The rows to seal next, the rows of a batch, the oldest row.
            "CREATE INDEX outbox_by_batch ON outbox (destination, batch, id)",
            "CREATE TABLE outbox_batch (destination VARCHAR(32) NOT NULL PRIMARY KEY, sealed BIGINT NOT NULL, \
             sent BIGINT NOT NULL)",
            "CREATE TABLE inbox (source VARCHAR(64) NOT NULL PRIMARY KEY, number BIGINT NOT NULL)",
        ],
    },
    Migration {
        number: 2,
        name: "leases and buckets",
        step: Step::Expand,
        statements: &[
            // Who runs a scheduled job; times are the database's own.
            "CREATE TABLE lease (name VARCHAR(64) NOT NULL PRIMARY KEY, holder VARCHAR(100) NOT NULL, \
             expires_at BIGINT NOT NULL)",
            // state: see `layout`.
            "CREATE TABLE bucket_range (first_bucket INT NOT NULL PRIMARY KEY, last_bucket INT NOT NULL, state INT NOT NULL)",
            // Up to which batch of a source moved buckets have come, where it is another than in `inbox`.
            "CREATE TABLE inbox_moved (source VARCHAR(64) NOT NULL, first_bucket INT NOT NULL, last_bucket INT NOT NULL, \
             number BIGINT NOT NULL, PRIMARY KEY (source, first_bucket))",
            "ALTER TABLE migration ADD COLUMN contract INT NOT NULL DEFAULT 0",
        ],
    },
    Migration {
        number: 3,
        name: "traces of events",
        step: Step::Expand,
        // The traceparent of the span that recorded the event; only where there was one.
        statements: &["ALTER TABLE outbox ADD COLUMN trace VARCHAR(64)"],
    },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (component VARCHAR(32) NOT NULL, number INT NOT NULL, \
    name VARCHAR(100) NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (component, number))";

fn components(options: &Options) -> [(&'static str, &'static [Migration]); 2] {
    [(STORE, OWN), (options.namespace, options.migrations)]
}

/// Brings one shard up to date.
pub(crate) async fn run(
    shard: &ShardPlace,
    options: &Options,
    progress: &impl Fn(String),
) -> Result<(), StoreError> {
    let place = shard.to_string();
    let Some(DatabaseUrl::Mysql(_)) = shard.urls.first() else {
        let Some(DatabaseUrl::Sqlite(path)) = shard.urls.first() else { return Ok(()) };
        let (_, writer) = sqlite::open(&path.display().to_string()).await?;
        run_embedded(&writer, &place, options).await?;
        layout::record(&writer, &shard.buckets).await?;
        progress(format!("{place}: up to date"));
        return Ok(());
    };
    let nodes = connect(shard, options, &Durations::of(options.namespace, "mysql"))?;
    nodes.reach(&place).await?;
    let db = Tx::mysql(MysqlTx::without_transaction(nodes.acquire().await?));
    run_on_server(&db, &place, options, progress).await?;
    layout::record(&db, &shard.buckets).await?;
    check(&db, &place, options).await?;
    layout::check(&db, shard).await?;
    progress(format!("{place}: up to date"));
    Ok(())
}

/// Brings the database of a server up to date. `db` is a connection without a transaction.
pub(crate) async fn run_on_server(
    db: &Tx,
    place: &str,
    options: &Options,
    progress: &impl Fn(String),
) -> Result<(), StoreError> {
    create(db, TABLE).await?;
    for (component, migrations) in components(options) {
        let found = latest(db, component).await?;
        for migration in migrations.iter().filter(|migration| migration.number > found) {
            for statement in migration.statements {
                create(db, &in_dialect(statement, DbBackend::MySql)).await?;
            }
            note(db, component, migration).await?;
            progress(format!("{place}: {component} {} {}", migration.number, migration.name));
        }
    }
    name(db, options.namespace).await
}

/// Brings an embedded database up to date, each step in a transaction.
pub(crate) async fn run_embedded(
    connection: &DatabaseConnection,
    place: &str,
    options: &Options,
) -> Result<(), StoreError> {
    connection.execute_unprepared(TABLE).await?;
    for (component, migrations) in components(options) {
        let found = latest(connection, component).await?;
        for migration in migrations.iter().filter(|migration| migration.number > found) {
            tracing::debug!(place, component, number = migration.number, name = migration.name, "migration");
            let transaction = connection.begin().await?;
            for statement in migration.statements {
                transaction.execute_unprepared(&in_dialect(statement, DbBackend::Sqlite)).await?;
            }
            note(&transaction, component, migration).await?;
            transaction.commit().await?;
        }
    }
    name(connection, options.namespace).await
}

/// Whether the schema is one that this program can work with.
pub(crate) async fn check(
    db: &impl ConnectionTrait,
    place: &str,
    options: &Options,
) -> Result<(), StoreError> {
    for (component, migrations) in components(options) {
        let known = migrations.last().map_or(0, |last| last.number);
        let found = match latest(db, component).await {
            Err(error) if is_missing_table(&error) => 0,
            found => found?,
        };
        if found < known {
            return Err(StoreError::TooOld { place: place.to_owned(), component, found, known });
        }
        let sql = "SELECT MIN(number) FROM migration WHERE component = ? AND number > ? AND contract = 1";
        let select =
            Statement::from_sql_and_values(db.get_database_backend(), sql, [component.into(), known.into()]);
        let row = db.query_one_raw(select).await?;
        let beyond: Option<i32> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        if let Some(found) = beyond {
            return Err(StoreError::TooNew { place: place.to_owned(), component, found, known });
        }
    }
    Ok(())
}

/// Whether the schema is the one that this program knows, with nothing missing and nothing more.
pub(crate) async fn check_exact(
    db: &impl ConnectionTrait,
    place: &str,
    options: &Options,
) -> Result<(), StoreError> {
    check(db, place, options).await?;
    for (component, migrations) in components(options) {
        let known = migrations.last().map_or(0, |last| last.number);
        let found = latest(db, component).await?;
        if found > known {
            return Err(StoreError::TooNew { place: place.to_owned(), component, found, known });
        }
    }
    Ok(())
}

/// The database's own name, made when the database was: a database that is thrown away and made
/// anew starts its batches from 1 under another name.
pub(crate) async fn identity(db: &impl ConnectionTrait) -> Result<String, StoreError> {
    let find =
        Statement::from_string(db.get_database_backend(), "SELECT source FROM store_identity WHERE id = 1");
    match db.query_one_raw(find).await? {
        Some(row) => Ok(row.try_get_by_index(0)?),
        None => {
            Err(DbErr::RecordNotFound("the database has no name: run `fanone migrate`".to_owned()).into())
        }
    }
}

async fn name(db: &impl ConnectionTrait, namespace: &str) -> Result<(), StoreError> {
    if identity(db).await.is_ok() {
        return Ok(());
    }
    let source = format!("{namespace}/{:016x}", rand::random::<u64>());
    let sql = "INSERT INTO store_identity (id, source) VALUES (1, ?)";
    let insert = Statement::from_sql_and_values(db.get_database_backend(), sql, [source.into()]);
    passed_over_if_there(db.execute_raw(insert).await.map(drop))
}

/// The highest number of a component.
async fn latest(db: &impl ConnectionTrait, component: &str) -> Result<i32, StoreError> {
    let sql = "SELECT COALESCE(MAX(number), 0) FROM migration WHERE component = ?";
    let select = Statement::from_sql_and_values(db.get_database_backend(), sql, [component.into()]);
    let row = db.query_one_raw(select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
}

async fn create(db: &impl ConnectionTrait, statement: &str) -> Result<(), StoreError> {
    passed_over_if_there(db.execute_unprepared(statement).await.map(drop))
}

async fn note(
    db: &impl ConnectionTrait,
    component: &'static str,
    migration: &Migration,
) -> Result<(), StoreError> {
    let (number, name, now) = (migration.number.into(), migration.name.into(), time::now_ms().into());
    let sql = "INSERT INTO migration (component, number, name, applied_at) VALUES (?, ?, ?, ?)";
    let values = [component.into(), number, name, now];
    let insert = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    passed_over_if_there(db.execute_raw(insert).await.map(drop))?;
    if migration.step == Step::Contract {
        let sql = "UPDATE migration SET contract = 1 WHERE component = ? AND number = ?";
        let values = [component.into(), migration.number.into()];
        db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// A table, column, index or row that is there already was made by somebody else, or before a break.
fn passed_over_if_there(result: Result<(), DbErr>) -> Result<(), StoreError> {
    match result {
        // The table is there, or gone; the column, the index, the row is there; nothing to drop.
        Err(error) if matches!(server_number(&error), Some(1050 | 1051 | 1060 | 1061 | 1062 | 1091)) => {
            Ok(())
        }
        result => Ok(result?),
    }
}

fn is_missing_table(error: &StoreError) -> bool {
    matches!(error, StoreError::Database(error) if server_number(error) == Some(1146))
}

fn server_number(error: &DbErr) -> Option<u16> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    let sqlx::Error::Database(error) = &**error else { return None };
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// SQLite keeps rows in the order of an `INTEGER PRIMARY KEY` and needs no second tree for it; to drop an index it wants its
/// name alone. On a server tables don't depend on what its defaults are.
fn in_dialect(statement: &str, backend: DbBackend) -> String {
    let (key, auto) = match backend {
        DbBackend::Sqlite => ("INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"),
        _ => ("BIGINT NOT NULL PRIMARY KEY", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"),
    };
    let statement = statement.replace("{key}", key).replace("{auto}", auto);
    if backend == DbBackend::Sqlite
        && let Some((drop_index, _)) =
            statement.split_once(" ON ").filter(|(first, _)| first.starts_with("DROP INDEX "))
    {
        return drop_index.to_owned();
    }
    if backend == DbBackend::MySql && statement.starts_with("CREATE TABLE") {
        return format!("{statement} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci");
    }
    statement
}
