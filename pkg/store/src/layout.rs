//! Which buckets a database holds, written down in the database itself: settings that say otherwise, or a move that was
//! broken off, are found before a row is read or written in the wrong place.

use std::ops::RangeInclusive;

use fanone_base::Bucket;
use fanone_config::{Buckets, ShardPlace};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::{
    StoreError, inserted,
    spans::{range_of, spans},
};

/// What a database says of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its rows are here.
    Held = 0,
    /// Its rows are here, and are being copied to another database.
    Leaving = 1,
    /// A copy of its rows is being made here.
    Arriving = 2,
    /// Its rows are in another database; what is here of them is to be deleted.
    Discarded = 3,
    /// Its rows were here and are in another database now.
    Gone = 4,
}

impl State {
    /// Whether a move is under way, so that nobody may use the database.
    pub(crate) const fn is_moving(self) -> bool {
        matches!(self, Self::Leaving | Self::Arriving | Self::Discarded)
    }

    fn of(number: i32) -> Result<Self, DbErr> {
        let all = [Self::Held, Self::Leaving, Self::Arriving, Self::Discarded, Self::Gone];
        let found = all.into_iter().find(|state| *state as i32 == number);
        found.ok_or_else(|| DbErr::Custom(format!("bucket_range: unknown state {number}")))
    }
}

/// What a database says of all buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout(Vec<Option<State>>);

impl Layout {
    /// What is written down.
    pub(crate) async fn read(db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let sql = "SELECT first_bucket, last_bucket, state FROM bucket_range";
        let mut layout = Self(vec![None; usize::from(Bucket::COUNT)]);
        for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
            let state = State::of(row.try_get_by_index(2)?)?;
            if let Some(range) = range_of(row.try_get_by_index(0)?, row.try_get_by_index(1)?) {
                layout.set(&range, Some(state));
            }
        }
        Ok(layout)
    }

    /// Writes it down in place of what is there; to be called in a transaction.
    pub(crate) async fn write(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let backend = db.get_database_backend();
        db.execute_raw(Statement::from_string(backend, "DELETE FROM bucket_range")).await?;
        for (range, state) in spans(|bucket| self.of(bucket)) {
            db.execute_raw(Statement::from_sql_and_values(backend, INSERT, row(&range, state))).await?;
        }
        Ok(())
    }

    /// What is said of a bucket.
    pub(crate) fn of(&self, bucket: u16) -> Option<State> {
        self.0.get(usize::from(bucket)).copied().flatten()
    }

    /// Says `state` of these buckets.
    pub(crate) fn set(&mut self, buckets: &RangeInclusive<u16>, state: Option<State>) {
        for (bucket, said) in (0..).zip(&mut self.0) {
            if buckets.contains(&bucket) {
                *said = state;
            }
        }
    }

    /// The buckets whose state is one that `wanted` accepts.
    pub(crate) fn buckets(&self, wanted: impl Fn(State) -> bool) -> Buckets {
        Buckets::of(|bucket| self.of(bucket).is_some_and(&wanted))
    }
}

const INSERT: &str = "INSERT INTO bucket_range (first_bucket, last_bucket, state) VALUES (?, ?, ?)";

fn row(range: &RangeInclusive<u16>, state: State) -> [Value; 3] {
    [i32::from(*range.start()).into(), i32::from(*range.end()).into(), (state as i32).into()]
}

/// Writes down what a new database holds; one that knows already is left as it is.
pub(crate) async fn record(db: &impl ConnectionTrait, buckets: &Buckets) -> Result<(), StoreError> {
    let backend = db.get_database_backend();
    let known = Statement::from_string(backend, "SELECT COUNT(*) FROM bucket_range");
    let count: i64 =
        db.query_one_raw(known).await?.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    if count > 0 {
        return Ok(());
    }
    for range in &buckets.0 {
        let insert = Statement::from_sql_and_values(backend, INSERT, row(range, State::Held));
        inserted(db.execute_raw(insert).await)?;
    }
    Ok(())
}

/// Whether the database holds what the settings say.
pub(crate) async fn check(db: &impl ConnectionTrait, shard: &ShardPlace) -> Result<(), StoreError> {
    let place = shard.to_string();
    let layout = Layout::read(db).await?;
    let moving = layout.buckets(State::is_moving);
    if !moving.0.is_empty() {
        return Err(StoreError::Moving { place, buckets: moving });
    }
    let held = layout.buckets(|state| state == State::Held);
    // The same buckets may be written down in other ranges.
    let expected = Buckets::of(|bucket| shard.buckets.holds(bucket));
    if held == expected { Ok(()) } else { Err(StoreError::Layout { place, held, expected }) }
}
