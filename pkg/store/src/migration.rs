//! Numbered migrations. Each shard records which it has, and runs the rest in order.

use fanone_base::time;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, QueryResult, Statement,
    TransactionTrait,
};

use crate::StoreError;

/// One step of a schema. Steps only ever add (expand); what is no longer used goes in a later
/// version (contract), so that the version before can still run.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// From 1, without gaps.
    pub number: i32,
    /// What it does, for people.
    pub name: &'static str,
    /// SQL that runs on SQLite and on MySQL. `{key}` stands for the type of an id that is the
    /// primary key, `{auto}` for a primary key that the database counts up itself.
    pub statements: &'static [&'static str],
}

/// The tables of the store itself, in every shard of every service.
const OWN: &[Migration] = &[Migration {
    number: 1,
    name: "outbox and inbox",
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
}];

/// Brings a shard of `namespace` up to date.
pub(crate) async fn run(
    connection: &DatabaseConnection,
    namespace: &'static str,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    connection
        .execute_unprepared(
            "CREATE TABLE IF NOT EXISTS migration (component VARCHAR(32) NOT NULL, number INT NOT NULL, \
             name VARCHAR(100) NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (component, number))",
        )
        .await?;
    run_component(connection, "store", OWN).await?;
    run_component(connection, namespace, migrations).await
}

async fn run_component(
    connection: &DatabaseConnection,
    component: &'static str,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let backend = connection.get_database_backend();
    let row = connection
        .query_one_raw(Statement::from_sql_and_values(
            backend,
            "SELECT COALESCE(MAX(number), 0) AS number FROM migration WHERE component = ?",
            [component.into()],
        ))
        .await?;
    let found: i32 = row.as_ref().map(first_number).transpose()?.unwrap_or(0);
    let known = migrations.last().map_or(0, |last| last.number);
    if found > known {
        return Err(StoreError::TooNew { namespace: component, found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.number > found) {
        tracing::debug!(component, number = migration.number, name = migration.name, "migration");
        let transaction = connection.begin().await?;
        apply(&transaction, component, migration).await?;
        transaction.commit().await?;
    }
    Ok(())
}

fn first_number(row: &QueryResult) -> Result<i32, StoreError> {
    Ok(row.try_get_by_index(0)?)
}

async fn apply(
    transaction: &DatabaseTransaction,
    component: &'static str,
    migration: &Migration,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    for statement in migration.statements {
        transaction.execute_unprepared(&in_dialect(statement, backend)).await?;
    }
    let record = Statement::from_sql_and_values(
        backend,
        "INSERT INTO migration (component, number, name, applied_at) VALUES (?, ?, ?, ?)",
        [component.into(), migration.number.into(), migration.name.into(), time::now_ms().into()],
    );
    transaction.execute_raw(record).await?;
    Ok(())
}

/// SQLite keeps rows in the order of an `INTEGER PRIMARY KEY` and needs no second tree for it.
fn in_dialect(statement: &str, backend: DbBackend) -> String {
    let (key, auto) = match backend {
        DbBackend::Sqlite => ("INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"),
        _ => ("BIGINT NOT NULL PRIMARY KEY", "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"),
    };
    statement.replace("{key}", key).replace("{auto}", auto)
}
