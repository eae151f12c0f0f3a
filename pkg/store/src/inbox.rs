//! The other end of the outbox: a batch takes effect once, however often it arrives.

use std::sync::Arc;

use futures::future::{BoxFuture, try_join_all};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{OutboxEvent, Store, StoreError, Tx};

/// Applies batch `number` of `source` by `f`, which gets the events of one shard inside a
/// transaction there. A shard that has seen the number is left alone. `f` may run more than once.
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
                if !first_time(tx, &source, number).await? {
                    return Ok(());
                }
                let events = without_moved(tx, &source, number, events.to_vec()).await?;
                f(tx, events).await
            })
        })
    });
    try_join_all(writes).await?;
    Ok(())
}

/// Records that batch `number` of `source` takes effect in this transaction; false if it already has. The row stays
/// locked: of two that bring the same batch at once, the second sees what the first did.
async fn first_time(tx: &Tx, source: &str, number: i64) -> Result<bool, StoreError> {
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
        match tx
            .execute_raw(Statement::from_sql_and_values(backend, insert, values))
            .await
            .map_err(StoreError::from)
        {
            Ok(_) => return Ok(true),
            Err(error) if error.is_duplicate() => row = tx.query_one_raw(find()).await?,
            Err(error) => return Err(error),
        }
    }
    let last: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    if last >= number {
        return Ok(false);
    }
    let update = "UPDATE inbox SET number = ? WHERE source = ?";
    let values: [Value; 2] = [number.into(), source.into()];
    tx.execute_raw(Statement::from_sql_and_values(backend, update, values)).await?;
    Ok(true)
}

/// Leaves out the events of buckets that came from another shard where this batch had taken effect already. What is said
/// of older batches is of no use any more: batches of a source come in order.
async fn without_moved(
    tx: &Tx,
    source: &str,
    number: i64,
    events: Vec<OutboxEvent>,
) -> Result<Vec<OutboxEvent>, StoreError> {
    let backend = tx.get_database_backend();
    let sql = "SELECT first_bucket, last_bucket, number FROM inbox_moved WHERE source = ?";
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [source.into()])).await?;
    if rows.is_empty() {
        return Ok(events);
    }
    let mut moved: Vec<(i32, i32)> = Vec::new();
    for row in rows {
        if row.try_get_by_index::<i64>(2)? >= number {
            moved.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
    }
    if moved.is_empty() {
        let delete = "DELETE FROM inbox_moved WHERE source = ? AND number < ?";
        let values: [Value; 2] = [source.into(), number.into()];
        tx.execute_raw(Statement::from_sql_and_values(backend, delete, values)).await?;
    }
    let is_moved = |event: &OutboxEvent| {
        let bucket = i32::from(event.entity.bucket().number());
        moved.iter().any(|(first, last)| (*first..=*last).contains(&bucket))
    };
    Ok(events.into_iter().filter(|event| !is_moved(event)).collect())
}
