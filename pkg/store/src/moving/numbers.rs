//! Which batches have taken effect in moved buckets. See `inbox` for how it is used.

use std::{collections::BTreeMap, ops::RangeInclusive};

use fanone_base::Bucket;
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::{
    StoreError,
    spans::{range_of, spans},
};

/// Of each source, the last batch that has taken effect in a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// In the shard as a whole.
    whole: BTreeMap<String, i64>,
    /// In buckets where it is another one, by bucket.
    moved: BTreeMap<String, Vec<Option<i64>>>,
}

impl Numbers {
    pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let backend = db.get_database_backend();
        let mut numbers = Self::default();
        let sql = "SELECT source, number FROM inbox";
        for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
            numbers.whole.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
        let sql = "SELECT source, first_bucket, last_bucket, number FROM inbox_moved";
        for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
            let range = range_of(row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            let number: i64 = row.try_get_by_index(3)?;
            for bucket in range.into_iter().flatten() {
                numbers.set(&row.try_get_by_index::<String>(0)?, bucket, Some(number));
            }
        }
        Ok(numbers)
    }

    /// Takes over what `from` says of these buckets.
    pub(super) fn take_over(&mut self, from: &Self, buckets: &RangeInclusive<u16>) {
        let sources = [&from.whole, &self.whole].into_iter().flat_map(|whole| whole.keys());
        let moved = [&from.moved, &self.moved].into_iter().flat_map(|moved| moved.keys());
        let sources: std::collections::BTreeSet<String> = sources.chain(moved).cloned().collect();
        for source in &sources {
            for bucket in buckets.clone() {
                let number = from.of(source, bucket);
                let own = (number != self.of_whole(source)).then_some(number);
                self.set(source, bucket, own);
            }
        }
    }

    /// Writes what is said of moved buckets in place of what is there; to be called in a transaction.
    pub(super) async fn write(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let backend = db.get_database_backend();
        db.execute_raw(Statement::from_string(backend, "DELETE FROM inbox_moved")).await?;
        let sql = "INSERT INTO inbox_moved (source, first_bucket, last_bucket, number) VALUES (?, ?, ?, ?)";
        for (source, moved) in &self.moved {
            for (range, number) in spans(|bucket| moved.get(usize::from(bucket)).copied().flatten()) {
                let (first, last) = (i32::from(*range.start()), i32::from(*range.end()));
                let values: [Value; 4] = [source.as_str().into(), first.into(), last.into(), number.into()];
                db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            }
        }
        Ok(())
    }

    /// The last batch of `source` in this bucket; 0 if there was none.
    fn of(&self, source: &str, bucket: u16) -> i64 {
        let own = self.moved.get(source).and_then(|moved| moved.get(usize::from(bucket)).copied().flatten());
        own.unwrap_or_else(|| self.of_whole(source))
    }

    fn of_whole(&self, source: &str) -> i64 {
        self.whole.get(source).copied().unwrap_or(0)
    }

    fn set(&mut self, source: &str, bucket: u16, number: Option<i64>) {
        if number.is_none() && !self.moved.contains_key(source) {
            return;
        }
        let empty = || vec![None; usize::from(Bucket::COUNT)];
        let moved = self.moved.entry(source.to_owned()).or_insert_with(empty);
        if let Some(own) = moved.get_mut(usize::from(bucket)) {
            *own = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(whole: &[(&str, i64)]) -> Numbers {
        let whole = whole.iter().map(|(source, number)| ((*source).to_owned(), *number)).collect();
        Numbers { whole, moved: BTreeMap::new() }
    }

    #[test]
    fn moved_buckets_keep_their_numbers_also_when_they_move_on_and_back() {
        let mut first = numbers(&[("a", 7), ("b", 3)]);
        let mut second = numbers(&[("a", 8), ("b", 3), ("c", 1)]);
        second.take_over(&first, &(10..=19));
        assert_eq!([second.of("a", 9), second.of("a", 10), second.of("a", 20)], [8, 7, 8]);
        assert_eq!([second.of("b", 10), second.of("c", 10), second.of("c", 9)], [3, 0, 1]);
        assert!(!second.moved.contains_key("b"), "nothing is said where both are as far");
        let mut third = numbers(&[]);
        third.take_over(&second, &(15..=29));
        assert_eq!(
            [third.of("a", 15), third.of("a", 25), third.of("c", 15), third.of("c", 25)],
            [7, 8, 0, 1]
        );
        first.take_over(&second, &(10..=14));
        assert!(first.moved.values().flatten().all(Option::is_none), "back where it was");
        second.take_over(&third, &(15..=19));
        assert_eq!([second.of("a", 15), second.of("c", 19)], [7, 0]);
    }
}
