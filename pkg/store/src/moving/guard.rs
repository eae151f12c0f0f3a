//! What must be so before rows are moved: nobody else is at work on them, and no event of theirs is on its way that must
//! arrive before a later one from another place.

use std::{ops::RangeInclusive, time::Duration};

use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::time::Instant;

use super::{
    MoveError, Progress, Reporter,
    side::{LEASE, PATIENCE, Side},
};
use crate::{StoreError, Tx, lease::now};

/// Between two looks at the leases.
const PAUSE: Duration = Duration::from_millis(500);
/// More events need not be counted.
const COUNTED_MAX: u32 = 10_000;

/// Takes the databases for this move, once nobody else is seen at work in them. A process that was killed is seen until
/// its leases are over.
pub(super) async fn take(sides: &[Side], reporter: &Reporter<'_>) -> Result<(), MoveError> {
    let patience = Instant::now() + PATIENCE;
    for side in sides {
        let mut told = false;
        loop {
            let user = side.user().await?;
            if user.is_none() && side.take().await? {
                break;
            }
            if Instant::now() > patience {
                return Err(busy(side, user.as_deref().unwrap_or(LEASE)));
            }
            if !std::mem::replace(&mut told, true) {
                reporter.tell(Progress::Waiting { place: side.place() })?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// A process that has looked at a database before the buckets were marked has told that it is there before that.
pub(super) async fn nobody_else(sides: &[&Side]) -> Result<(), MoveError> {
    for side in sides {
        if let Some(user) = side.user().await? {
            return Err(busy(side, &user));
        }
    }
    Ok(())
}

fn busy(side: &Side, lease: &str) -> MoveError {
    let place = side.place();
    if lease == LEASE { MoveError::AnotherMove { place } } else { MoveError::InUse { place } }
}

/// Counters may arrive in any order. What adds or removes a thing may not: after the move it would leave from another
/// database, and could overtake what is still waiting in this one.
pub(super) async fn nothing_on_the_way(buckets: &RangeInclusive<u16>, side: &Side) -> Result<(), MoveError> {
    let (first, last) = (buckets.start(), buckets.end());
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT id FROM outbox WHERE (payload IS NOT NULL OR delta = 0) \
         AND (entity_id & 1023) BETWEEN {first} AND {last} LIMIT {COUNTED_MAX}) AS waiting"
    );
    match first_number(side, sql).await? {
        0 => Ok(()),
        count => Err(MoveError::OnTheWay { place: side.place(), count }),
    }
}

/// Whether no event waits to be sent.
pub(super) async fn has_sent_all(side: &Side) -> Result<bool, MoveError> {
    let sql = "SELECT COUNT(*) FROM (SELECT id FROM outbox LIMIT 1) AS waiting".to_owned();
    Ok(first_number(side, sql).await? == 0)
}

async fn first_number(side: &Side, sql: String) -> Result<i64, MoveError> {
    let select = Statement::from_string(side.reader.get_database_backend(), sql);
    let row = side.reader.query_one_raw(select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0))
}

/// Makes a lease longer that nobody else has taken since; whether that is so.
pub(super) async fn renew(tx: &Tx, name: &str, holder: &str, ttl: i64) -> Result<bool, StoreError> {
    let backend = tx.get_database_backend();
    let sql = format!("UPDATE lease SET expires_at = {} + ? WHERE name = ? AND holder = ?", now(backend));
    let values: [Value; 3] = [ttl.into(), name.into(), holder.into()];
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected() > 0)
}

/// The name of a lease that somebody else has, if there is any.
pub(super) async fn of_others(db: &impl ConnectionTrait, holder: &str) -> Result<Option<String>, StoreError> {
    let backend = db.get_database_backend();
    let sql = format!("SELECT name FROM lease WHERE holder <> ? AND expires_at > {}", now(backend));
    let select = Statement::from_sql_and_values(backend, sql, [holder.into()]);
    Ok(db.query_one_raw(select).await?.map(|row| row.try_get_by_index(0)).transpose()?)
}
