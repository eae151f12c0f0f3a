//! The other end of the outbox: a batch takes effect once, however often it arrives.

use std::sync::Arc;

use futures::future::{BoxFuture, try_join_all};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

use crate::{OutboxEvent, Store, StoreError};

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
    F: for<'t> Fn(&'t DatabaseTransaction, Vec<OutboxEvent>) -> BoxFuture<'t, Result<(), E>>
        + Send
        + Sync
        + 'static,
{
    let f = Arc::new(f);
    let parts = store.by_shard(events, |event| event.entity.bucket());
    let writes = parts.into_iter().map(|(shard, events)| {
        let (f, source, events) = (Arc::clone(&f), Arc::<str>::from(source), Arc::new(events));
        shard.write(move |tx| {
            let (f, source, events) = (Arc::clone(&f), Arc::clone(&source), Arc::clone(&events));
            Box::pin(async move {
                if first_time(tx, &source, number).await? { f(tx, events.to_vec()).await } else { Ok(()) }
            })
        })
    });
    try_join_all(writes).await?;
    Ok(())
}

/// Records that batch `number` of `source` takes effect in this transaction; false if it already has.
async fn first_time(tx: &DatabaseTransaction, source: &str, number: i64) -> Result<bool, StoreError> {
    let backend = tx.get_database_backend();
    let select =
        Statement::from_sql_and_values(backend, "SELECT number FROM inbox WHERE source = ?", [source.into()]);
    let row = tx.query_one_raw(select).await?;
    let last: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    let sql = match last {
        Some(last) if last >= number => return Ok(false),
        Some(_) => "UPDATE inbox SET number = ? WHERE source = ?",
        None => "INSERT INTO inbox (number, source) VALUES (?, ?)",
    };
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [number.into(), source.into()])).await?;
    Ok(true)
}
