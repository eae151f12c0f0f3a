//! The right to run a scheduled job, which one process has at a time. It is a row of the database; the database's own
//! clock says when it expires, so that the clocks of machines need not agree.
//!
//! A process that stalls may still be at work when its lease has gone to another one. So a job must bear being run twice at
//! once; the lease only sees to it that this is rare.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{Shard, StoreError, Tx, inserted};

/// How long a lease lasts that is not renewed: after a kill another process takes over within this time and one interval
/// of the job.
pub(crate) const TTL: Duration = Duration::from_secs(6);
/// What is left of a lease when it is renewed.
const RENEW_BELOW: Duration = Duration::from_secs(4);

/// One process' side of a lease.
pub(crate) struct Lease {
    shard: Shard,
    name: &'static str,
    holder: String,
    /// Until when we have it for sure.
    until: Mutex<Option<Instant>>,
}

impl Lease {
    /// Nobody's yet.
    pub(crate) fn new(shard: Shard, name: &'static str) -> Self {
        let holder = format!("{}/{:016x}", std::process::id(), rand::random::<u64>());
        Self { shard, name, holder, until: Mutex::default() }
    }

    /// Takes the lease if it is free, or keeps it; whether we have it now.
    pub(crate) async fn take(&self) -> Result<bool, StoreError> {
        if self.left() > RENEW_BELOW {
            return Ok(true);
        }
        let asked = Instant::now();
        let others = self.left().is_zero() && self.is_anothers().await?;
        let taken = !others && self.write(TTL).await?;
        self.set(taken.then(|| asked + TTL));
        Ok(taken)
    }

    /// How long we have it yet, at least.
    pub(crate) fn left(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Gives it back, if we have it, so that another process need not wait.
    pub(crate) async fn release(&self) {
        if self.left().is_zero() {
            return;
        }
        self.set(None);
        if let Err(error) = self.write(Duration::ZERO).await {
            tracing::debug!(
                job = self.name,
                error = fanone_telemetry::chain(&error),
                "a lease expires by itself"
            );
        }
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Asks first, without a transaction: most of those who ask have to wait.
    async fn is_anothers(&self) -> Result<bool, StoreError> {
        let db = self.shard.read();
        let backend = db.get_database_backend();
        let sql =
            format!("SELECT 1 FROM lease WHERE name = ? AND holder <> ? AND expires_at > {}", now(backend));
        let values: [Value; 2] = [self.name.into(), self.holder.as_str().into()];
        Ok(db.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?.is_some())
    }

    async fn write(&self, ttl: Duration) -> Result<bool, StoreError> {
        let (name, holder) = (self.name, self.holder.clone());
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.shard
            .write_idempotent(move |tx| {
                let holder = holder.clone();
                Box::pin(async move { write(tx, name, &holder, ttl).await })
            })
            .await
    }
}

/// Takes a lease that is free or the holder's own for `ttl` milliseconds; whether that succeeded.
pub(crate) async fn write(tx: &Tx, name: &str, holder: &str, ttl: i64) -> Result<bool, StoreError> {
    let backend = tx.get_database_backend();
    let now = now(backend);
    let sql = format!(
        "UPDATE lease SET holder = ?, expires_at = {now} + ? WHERE name = ? AND (holder = ? OR expires_at <= {now})"
    );
    let values: [Value; 4] = [holder.into(), ttl.into(), name.into(), holder.into()];
    if tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected() > 0 {
        return Ok(true);
    }
    let sql = format!("INSERT INTO lease (name, holder, expires_at) VALUES (?, ?, {now} + ?)");
    let values: [Value; 3] = [name.into(), holder.into(), ttl.into()];
    let insert = Statement::from_sql_and_values(backend, sql, values);
    inserted(tx.execute_raw(insert).await)
}

/// The database's present time in Unix milliseconds.
pub(crate) fn now(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
        _ => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
    }
}
