//! The other end of the outbox: a batch takes effect once, however often it arrives.
//!
//! `inbox` says of each source up to which batch it has taken effect in this shard. Buckets that were moved here may be
//! further, or less far: `inbox_moved` says so for them, until the next batch of that source makes all the same.

use std::{ops::RangeInclusive, sync::Arc};

use futures::future::{BoxFuture, try_join_all};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{OutboxEvent, Store, StoreError, Tx, inserted, spans::range_of};

/// Applies batch `number` of `source` by `f`, which gets the events of one shard inside a
/// transaction there. What has seen the number is left alone. `f` may run more than once.
pub async fn apply<E, F>(
    store: &Store,
    source: &str,
    number: i64,
    events: Vec<OutboxEvent>,
    f: F,
) -> Result<(), E>
where
    E: From<StoreError> + Send + 'static,
    F: for<'t> Fn(&'t Tx, Vec<OutboxEvent>) -> BoxFuture<'t, Result<(), E>> + Send + Sync + 'static,
{
    let f = Arc::new(f);
    let parts = store.by_shard(events, |event| event.entity.bucket());
    let writes = parts.into_iter().map(|(shard, events)| {
        let (f, source, events) = (Arc::clone(&f), Arc::<str>::from(source), Arc::new(events));
        shard.write_idempotent(move |tx| {
            let (f, source, events) = (Arc::clone(&f), Arc::clone(&source), Arc::clone(&events));
            Box::pin(async move {
                let events = first_time(tx, &source, number, events.to_vec()).await?;
                if events.is_empty() { Ok(()) } else { f(tx, events).await }
            })
        })
    });
    try_join_all(writes).await?;
    Ok(())
}

/// Records that batch `number` of `source` takes effect in this transaction; answers those of its events that have not.
async fn first_time(
    tx: &Tx,
    source: &str,
    number: i64,
    mut events: Vec<OutboxEvent>,
) -> Result<Vec<OutboxEvent>, StoreError> {
    let last = advance(tx, source, number).await?;
    let moved = moved(tx, source).await?;
    if !moved.is_empty() {
        catch_up(tx, source, number, last).await?;
    }
    let last_of = |bucket: u16| {
        let own = moved.iter().find(|(buckets, _)| buckets.contains(&bucket));
        own.map_or(last, |(_, last)| *last)
    };
    events.retain(|event| last_of(event.entity.bucket().number()) < number);
    Ok(events)
}

/// Records that `number` was here, and answers the last that was here before. The row stays locked: of two that bring
/// the same batch at once, the second sees what the first did.
async fn advance(tx: &Tx, source: &str, number: i64) -> Result<i64, StoreError> {
    let backend = tx.get_database_backend();
    let sql = match backend {
        DbBackend::MySql => "SELECT number FROM inbox WHERE source = ? FOR UPDATE",
        _ => "SELECT number FROM inbox WHERE source = ?",
    };
    let find = || Statement::from_sql_and_values(backend, sql, [source.into()]);
    let mut row = tx.query_one_raw(find()).await?;
    if row.is_none() {
        let insert = "INSERT INTO inbox (number, source) VALUES (?, ?)";
        let values: [Value; 2] = [number.into(), source.into()];
        if inserted(tx.execute_raw(Statement::from_sql_and_values(backend, insert, values)).await)? {
            return Ok(0);
        }
        row = tx.query_one_raw(find()).await?;
    }
    let last: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    if last < number {
        let update = "UPDATE inbox SET number = ? WHERE source = ?";
        let values: [Value; 2] = [number.into(), source.into()];
        tx.execute_raw(Statement::from_sql_and_values(backend, update, values)).await?;
    }
    Ok(last)
}

/// The last batch of `source` that has taken effect in buckets for which it is another one than in the shard.
async fn moved(tx: &Tx, source: &str) -> Result<Vec<(RangeInclusive<u16>, i64)>, StoreError> {
    let sql = "SELECT first_bucket, last_bucket, number FROM inbox_moved WHERE source = ?";
    let select = Statement::from_sql_and_values(tx.get_database_backend(), sql, [source.into()]);
    let mut moved = Vec::new();
    for row in tx.query_all_raw(select).await? {
        if let Some(buckets) = range_of(row.try_get_by_index(0)?, row.try_get_by_index(1)?) {
            moved.push((buckets, row.try_get_by_index(2)?));
        }
    }
    Ok(moved)
}

/// Moved buckets that were less far than `number` are as far now; where the shard is too, there is no more to say of them.
async fn catch_up(tx: &Tx, source: &str, number: i64, last: i64) -> Result<(), StoreError> {
    let (sql, values): (_, Vec<Value>) = if number >= last {
        ("DELETE FROM inbox_moved WHERE source = ? AND number <= ?", vec![source.into(), number.into()])
    } else {
        let values = vec![number.into(), source.into(), number.into()];
        ("UPDATE inbox_moved SET number = ? WHERE source = ? AND number < ?", values)
    };
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}
