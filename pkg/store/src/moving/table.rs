//! What a move must know of a table, and the conditions that name a part of its rows.

use std::ops::RangeInclusive;

use sea_orm::{DbBackend, Value};

/// A table whose rows belong to buckets.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The column with an id in whose bucket the row is.
    pub bucket: &'static str,
    /// The columns of the primary key, in its order; all of them are whole numbers.
    pub key: &'static [&'static str],
}

/// The primary key of a row.
pub(super) type Key = Vec<i64>;

/// A run of rows in the order of their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// Only keys above this one.
    pub(super) after: Option<Key>,
    /// Only keys up to this one.
    pub(super) until: Option<Key>,
}

impl Table {
    /// The names of the key's columns, for a list of columns or an order.
    pub(super) fn key_list(&self) -> String {
        self.key.join(", ")
    }

    /// Which rows of `buckets` are in `run`.
    pub(super) fn condition(
        &self,
        backend: DbBackend,
        buckets: &RangeInclusive<u16>,
        run: &Run,
    ) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        // The low ten bits of an id are its bucket.
        let (first, last) = (buckets.start(), buckets.end());
        let mut sql = format!("({} & 1023) BETWEEN {first} AND {last}", self.bucket);
        for (key, operator) in [(&run.after, ">"), (&run.until, "<=")] {
            if let Some(key) = key {
                sql.push_str(" AND ");
                sql.push_str(&self.compared(backend, operator, key, &mut values));
            }
        }
        (sql, values)
    }

    /// `(a, b) > (?, ?)`, in the form of which each database makes a search in its index.
    fn compared(&self, backend: DbBackend, operator: &str, key: &[i64], values: &mut Vec<Value>) -> String {
        if backend != DbBackend::MySql {
            values.extend(key.iter().map(|part| Value::from(*part)));
            return format!("({}) {operator} ({})", self.key_list(), vec!["?"; key.len()].join(", "));
        }
        let strict = operator.trim_end_matches('=');
        let mut either = Vec::new();
        for (at, column) in self.key.iter().enumerate() {
            let operator = if at + 1 == self.key.len() { operator } else { strict };
            let equal = self.key.iter().take(at).map(|column| format!("{column} = ? AND "));
            either.push(format!("({}{column} {operator} ?)", equal.collect::<String>()));
            values.extend(key.iter().take(at + 1).map(|part| Value::from(*part)));
        }
        format!("({})", either.join(" OR "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table { name: "t", bucket: "a", key: &["a", "b"] };

    #[test]
    fn a_run_is_named_in_the_form_of_each_database() {
        let run = Run { after: Some(vec![1, 2]), until: Some(vec![3, 4]) };
        let (sql, values) = TABLE.condition(DbBackend::Sqlite, &(5..=9), &run);
        assert_eq!(sql, "(a & 1023) BETWEEN 5 AND 9 AND (a, b) > (?, ?) AND (a, b) <= (?, ?)");
        assert_eq!(values.len(), 4);
        let (sql, values) = TABLE.condition(DbBackend::MySql, &(5..=9), &run);
        let expected = "(a & 1023) BETWEEN 5 AND 9 AND ((a > ?) OR (a = ? AND b > ?)) \
            AND ((a < ?) OR (a = ? AND b <= ?))";
        assert_eq!(sql, expected);
        let expected: Vec<Value> = [1_i64, 1, 2, 3, 3, 4].map(Value::from).to_vec();
        assert_eq!(values, expected);
    }
}
