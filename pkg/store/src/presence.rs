//! Tells others that a process uses a database of a server: a lease that all of them renew, and nobody gives back. So
//! `fanone shard move` finds out that the site has not ended, or has ended less than a lease ago.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement, Value};

use crate::{
    StoreError, Tx, inserted, lease,
    mysql::{MysqlTx, Nodes},
};

/// The name of the lease.
const NAME: &str = "open";
/// Well within the time of a lease.
const INTERVAL: Duration = Duration::from_secs(2);

/// Tells it now, and again for as long as these nodes are used.
pub(crate) async fn announce(nodes: &Nodes) -> Result<(), StoreError> {
    tell(nodes).await?;
    nodes.every(INTERVAL, |nodes| async move {
        if let Err(error) = tell(&nodes).await {
            tracing::debug!(error = fanone_telemetry::chain(&error), "the database is not to be had");
        }
    });
    Ok(())
}

async fn tell(nodes: &Nodes) -> Result<(), StoreError> {
    let db = Tx::mysql(MysqlTx::without_transaction(nodes.acquire().await?));
    let backend = db.get_database_backend();
    let (now, ttl) = (lease::now(backend), i64::try_from(lease::TTL.as_millis()).unwrap_or(i64::MAX));
    let holder = std::process::id().to_string();
    let values: [Value; 3] = [holder.into(), ttl.into(), NAME.into()];
    let sql = format!("UPDATE lease SET holder = ?, expires_at = {now} + ? WHERE name = ?");
    let update = Statement::from_sql_and_values(backend, sql, values.clone());
    if db.execute_raw(update).await?.rows_affected() > 0 {
        return Ok(());
    }
    let sql = format!("INSERT INTO lease (holder, expires_at, name) VALUES (?, {now} + ?, ?)");
    inserted(db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await)?;
    Ok(())
}
