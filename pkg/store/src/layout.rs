//! Which buckets a database holds, written down in the database itself: settings that say otherwise, or a move that was
//! broken off, are found before a row is read or written in the wrong place.

use fanone_config::{Buckets, ShardPlace};
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::StoreError;

/// What becomes of a range of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its rows are here.
    Held = 0,
    /// A move to or from another database has begun and is not finished.
    Moving = 1,
}

/// The ranges in this state.
pub(crate) async fn read(db: &impl ConnectionTrait, state: State) -> Result<Buckets, StoreError> {
    let sql = "SELECT first_bucket, last_bucket FROM bucket_range WHERE state = ? ORDER BY first_bucket";
    let select = Statement::from_sql_and_values(db.get_database_backend(), sql, [(state as i32).into()]);
    let mut ranges = Vec::new();
    for row in db.query_all_raw(select).await? {
        let (first, last): (i32, i32) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) {
            ranges.push(first..=last);
        }
    }
    Ok(Buckets(ranges))
}

/// Writes down what a new database holds; one that knows already is left as it is.
pub(crate) async fn record(db: &impl ConnectionTrait, buckets: &Buckets) -> Result<(), StoreError> {
    let known = Statement::from_string(db.get_database_backend(), "SELECT COUNT(*) FROM bucket_range");
    let count: i64 =
        db.query_one_raw(known).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    if count > 0 {
        return Ok(());
    }
    for range in &buckets.0 {
        let sql = "INSERT INTO bucket_range (first_bucket, last_bucket, state) VALUES (?, ?, ?)";
        let values: [Value; 3] =
            [i32::from(*range.start()).into(), i32::from(*range.end()).into(), (State::Held as i32).into()];
        let insert = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        match db.execute_raw(insert).await.map_err(StoreError::from) {
            Err(error) if error.is_duplicate() => {}
            done => drop(done?),
        }
    }
    Ok(())
}

/// Whether the database holds what the settings say.
pub(crate) async fn check(db: &impl ConnectionTrait, shard: &ShardPlace) -> Result<(), StoreError> {
    let place = shard.to_string();
    let moving = read(db, State::Moving).await?;
    if !moving.0.is_empty() {
        return Err(StoreError::Moving { place, buckets: moving });
    }
    let held = read(db, State::Held).await?;
    // The same buckets may be written down in other ranges.
    let held = Buckets::of(|bucket| held.holds(bucket));
    let expected = Buckets::of(|bucket| shard.buckets.holds(bucket));
    if held == expected { Ok(()) } else { Err(StoreError::Layout { place, held, expected }) }
}
