//! The way of the rows: copied page by page, compared as a whole, handed over, and deleted where they were.
//!
//! Each page is one transaction, and brings the target's rows between two keys to what the source has there. So it does
//! not matter where an earlier run was broken off: what is the same already is read and left.

use std::{ops::RangeInclusive, sync::Arc};

use sea_orm::DbErr;
use sha2::{Digest, Sha256};

use super::{
    MoveError, Phase, Reporter, Table,
    numbers::Numbers,
    rows::{self, PAGE, Rows},
    side::Side,
    table::Run,
};
use crate::layout::{Layout, State};

/// Makes the rows of `buckets` in `to` the same as in `from`.
pub(super) async fn copy(
    table: &'static Table,
    buckets: &RangeInclusive<u16>,
    (from, to): (&Side, &Side),
    reporter: &Reporter<'_>,
) -> Result<(), MoveError> {
    let bring = async |run: &Run, page: Rows| {
        let there = Rows::read(&to.reader, table, buckets, run, PAGE + 1).await?;
        if page == there { Ok(()) } else { replace(table, buckets, run, page, to).await }
    };
    walk(Phase::Copy, table, buckets, from, reporter, bring).await
}

/// Does `each` to the rows of `buckets`, page by page in the order of their keys, and tells how far it is.
async fn walk(
    phase: Phase,
    table: &'static Table,
    buckets: &RangeInclusive<u16>,
    at: &Side,
    reporter: &Reporter<'_>,
    each: impl AsyncFn(&Run, Rows) -> Result<(), MoveError>,
) -> Result<(), MoveError> {
    let total = rows::count(&at.reader, table, buckets).await?;
    let (mut run, mut done) = (Run::default(), 0);
    reporter.rows(phase, table, done, total)?;
    loop {
        let page = Rows::read(&at.reader, table, buckets, &run, PAGE).await?;
        run.until = page.key_of_last(table, PAGE)?;
        done += page.rows.len() as u64;
        each(&run, page).await?;
        reporter.rows(phase, table, done, total)?;
        match run.until.take() {
            Some(last) => run.after = Some(last),
            None => return Ok(()),
        }
    }
}

async fn replace(
    table: &'static Table,
    buckets: &RangeInclusive<u16>,
    run: &Run,
    page: Rows,
    to: &Side,
) -> Result<(), MoveError> {
    let (buckets, run, page) = (buckets.clone(), run.clone(), Arc::new(page));
    to.write(move |tx| {
        let (buckets, run, page) = (buckets.clone(), run.clone(), Arc::clone(&page));
        Box::pin(async move {
            rows::delete(tx, table, &buckets, &run).await?;
            Ok(page.insert(tx, table).await?)
        })
    })
    .await
}

/// Compares the rows of both sides, all of them.
pub(super) async fn check(
    table: &'static Table,
    buckets: &RangeInclusive<u16>,
    (from, to): (&Side, &Side),
    reporter: &Reporter<'_>,
) -> Result<(), MoveError> {
    let total = rows::count(&from.reader, table, buckets).await?;
    reporter.rows(Phase::Check, table, 0, total)?;
    let (expected, hash) = digest(table, buckets, from).await?;
    let (found, other) = digest(table, buckets, to).await?;
    reporter.rows(Phase::Check, table, found, total)?;
    if (expected, hash) == (found, other) {
        return Ok(());
    }
    Err(MoveError::Differs { table: table.name, from: from.place(), to: to.place(), expected, found })
}

/// How many rows there are, and a hash of all of them in the order of their keys.
async fn digest(table: &Table, buckets: &RangeInclusive<u16>, side: &Side) -> Result<(u64, Vec<u8>), DbErr> {
    let (mut hash, mut count, mut run) = (Sha256::new(), 0, Run::default());
    loop {
        let page = Rows::read(&side.reader, table, buckets, &run, PAGE).await?;
        page.hash_into(&mut hash)?;
        count += page.rows.len() as u64;
        run.after = page.key_of_last(table, PAGE)?;
        if run.after.is_none() {
            return Ok((count, hash.finalize().to_vec()));
        }
    }
}

/// The buckets are the target's from now on, with what is known of the batches that took effect in them.
pub(super) async fn hand_over(
    buckets: &RangeInclusive<u16>,
    from: &Side,
    to: &Side,
) -> Result<(), MoveError> {
    let (buckets, there) = (buckets.clone(), Arc::new(Numbers::read(&from.reader).await?));
    to.write(move |tx| {
        let (buckets, there) = (buckets.clone(), Arc::clone(&there));
        Box::pin(async move {
            let mut numbers = Numbers::read(tx).await?;
            numbers.take_over(&there, &buckets);
            numbers.write(tx).await?;
            let mut layout = Layout::read(tx).await?;
            layout.set(&buckets, Some(State::Held));
            Ok(layout.write(tx).await?)
        })
    })
    .await
}

/// Deletes the rows of `buckets`.
pub(super) async fn delete(
    table: &'static Table,
    buckets: &RangeInclusive<u16>,
    at: &Side,
    reporter: &Reporter<'_>,
) -> Result<(), MoveError> {
    let take_away = async |run: &Run, page: Rows| {
        if page.rows.is_empty() {
            return Ok(());
        }
        let (buckets, run) = (buckets.clone(), run.clone());
        at.write(move |tx| {
            let (buckets, run) = (buckets.clone(), run.clone());
            Box::pin(async move { Ok(rows::delete(tx, table, &buckets, &run).await.map(drop)?) })
        })
        .await
    };
    walk(Phase::Delete, table, buckets, at, reporter, take_away).await
}
