//! Rows of any table, as they are read, compared and written.

use std::ops::RangeInclusive;

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value, sqlx::Row};
use sha2::{Digest, Sha256};

use super::table::{Key, Run, Table};
use crate::Tx;

/// Rows that are read at a time.
pub(super) const PAGE: usize = 500;
/// Rows in one statement.
const ROWS_MAX: usize = 50;
/// Bytes in one statement, unless a single row has more.
const BYTES_MAX: usize = 1 << 20;

/// Some rows of a table, in the order of their keys.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Reads at most `limit` rows.
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        table: &Table,
        buckets: &RangeInclusive<u16>,
        run: &Run,
        limit: usize,
    ) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let (condition, values) = table.condition(backend, buckets, run);
        let sql = format!(
            "SELECT * FROM {} WHERE {condition} ORDER BY {} LIMIT {limit}",
            table.name,
            table.key_list()
        );
        let found = db.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let columns: Vec<String> = found.first().map(QueryResult::column_names).unwrap_or_default();
        let row = |row: &QueryResult| (0..columns.len()).map(|at| value(row, at)).collect();
        let rows = found.iter().map(row).collect::<Result<_, DbErr>>()?;
        Ok(Self { columns, rows })
    }

    /// The key of the last row, if these are as many as `limit`: then there may be more.
    pub(super) fn key_of_last(&self, table: &Table, limit: usize) -> Result<Option<Key>, DbErr> {
        let Some(last) = self.rows.last().filter(|_| self.rows.len() >= limit) else { return Ok(None) };
        let part = |column: &&str| {
            let at = self.columns.iter().position(|name| name == column);
            match at.and_then(|at| last.get(at)) {
                Some(Value::BigInt(Some(number))) => Ok(*number),
                _ => Err(DbErr::Custom(format!("{}.{column} is no whole number", table.name))),
            }
        };
        table.key.iter().map(part).collect::<Result<Key, DbErr>>().map(Some)
    }

    /// Writes all of them.
    pub(super) async fn insert(&self, tx: &Tx, table: &Table) -> Result<(), DbErr> {
        let (backend, columns) = (tx.get_database_backend(), self.columns.join(", "));
        let one = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let mut rest = &self.rows[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            let places = vec![one.as_str(); now.len()].join(", ");
            let sql = format!("INSERT INTO {} ({columns}) VALUES {places}", table.name);
            let values = now.iter().flatten().cloned();
            tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            rest = later;
        }
        Ok(())
    }

    /// Adds them to a hash in which rows that differ in anything differ.
    pub(super) fn hash_into(&self, hash: &mut Sha256) -> Result<(), DbErr> {
        for value in self.rows.iter().flatten() {
            match value {
                Value::BigInt(Some(number)) => {
                    hash.update([1]);
                    hash.update(number.to_le_bytes());
                }
                Value::String(Some(text)) => hash_bytes(hash, 2, text.as_bytes()),
                Value::Bytes(Some(bytes)) => hash_bytes(hash, 3, bytes),
                Value::BigInt(None) => hash.update([0]),
                other => return Err(DbErr::Custom(format!("a value of another kind: {other:?}"))),
            }
        }
        Ok(())
    }
}

fn hash_bytes(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// The value of a column. What is NULL has no type.
fn value(row: &QueryResult, at: usize) -> Result<Value, DbErr> {
    if let Ok(number) = row.try_get_by_index::<Option<i64>>(at) {
        return Ok(number.into());
    }
    // Of a server sea-orm gives bytes as a text too, if they happen to be one.
    let text = match row.try_as_mysql_row() {
        Some(row) => row.try_get::<Option<String>, _>(at).ok(),
        None => row.try_get_by_index::<Option<String>>(at).ok(),
    };
    match text {
        Some(text) => Ok(text.into()),
        None => Ok(row.try_get_by_index::<Option<Vec<u8>>>(at)?.into()),
    }
}

/// How many of these rows one statement takes.
fn fitting(rows: &[Vec<Value>]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Vec<Value>| {
        bytes += row.iter().map(size).sum::<usize>();
        bytes <= BYTES_MAX
    };
    rows.iter().take(ROWS_MAX).take_while(fits).count().max(1)
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 8,
    }
}

/// Deletes a run of rows; how many there were.
pub(super) async fn delete(
    tx: &Tx,
    table: &Table,
    buckets: &RangeInclusive<u16>,
    run: &Run,
) -> Result<u64, DbErr> {
    let backend = tx.get_database_backend();
    let (condition, values) = table.condition(backend, buckets, run);
    let sql = format!("DELETE FROM {} WHERE {condition}", table.name);
    Ok(tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected())
}

/// How many rows there are.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    table: &Table,
    buckets: &RangeInclusive<u16>,
) -> Result<u64, DbErr> {
    let backend = db.get_database_backend();
    let (condition, values) = table.condition(backend, buckets, &Run::default());
    let sql = format!("SELECT COUNT(*) FROM {} WHERE {condition}", table.name);
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    Ok(count.unsigned_abs())
}
