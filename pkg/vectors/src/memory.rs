//! The index in this process: exact, by comparing with every vector.
//!
//! Rows lie one after the other in one allocation, so a search is a walk through memory: 100,000 vectors of 352
//! numbers take about 20 ms on one core. Beyond that size a vector database is the better place.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use crate::{Index, SEARCH_MAX, VectorError};

/// The most vectors held: with 352 numbers each, 1.4 GB.
const ROWS_MAX: usize = 1_000_000;

/// An exact index in memory, empty at the start of each process.
#[derive(Clone, Default)]
pub struct MemoryIndex {
    rows: Arc<RwLock<Rows>>,
}

/// `numbers` holds `ids.len()` rows of `dimension` numbers, each row of unit length.
#[derive(Default)]
struct Rows {
    dimension: usize,
    ids: Vec<i64>,
    numbers: Vec<f32>,
    places: HashMap<i64, usize>,
}

impl Rows {
    fn upsert(&mut self, items: Vec<(i64, Vec<f32>)>) -> Result<(), VectorError> {
        let expected = match items.first() {
            Some((_, first)) if self.ids.is_empty() => first.len(),
            _ => self.dimension,
        };
        let items: Vec<(i64, Vec<f32>)> = items
            .into_iter()
            .map(|(id, vector)| Ok((id, unit(vector, expected)?)))
            .collect::<Result<_, VectorError>>()?;
        let new = items.iter().filter(|(id, _)| !self.places.contains_key(id)).count();
        if self.ids.len() + new > ROWS_MAX {
            return Err(VectorError::Full(self.ids.len()));
        }
        self.dimension = expected;
        for (id, vector) in items {
            self.put(id, &vector);
        }
        Ok(())
    }

    fn put(&mut self, id: i64, vector: &[f32]) {
        if let Some(&place) = self.places.get(&id) {
            let start = place * self.dimension;
            if let Some(row) = self.numbers.get_mut(start..start + self.dimension) {
                row.copy_from_slice(vector);
            }
            return;
        }
        self.places.insert(id, self.ids.len());
        self.ids.push(id);
        self.numbers.extend_from_slice(vector);
    }

    /// The last row takes the place of the removed one, so that there is never a gap.
    fn remove(&mut self, id: i64) {
        let Some(place) = self.places.remove(&id) else { return };
        self.ids.swap_remove(place);
        let last = self.ids.len() * self.dimension;
        self.numbers.copy_within(last.., place * self.dimension);
        self.numbers.truncate(last);
        if let Some(&moved) = self.ids.get(place) {
            self.places.insert(moved, place);
        }
    }

    fn search(&self, vector: Vec<f32>, limit: usize) -> Result<Vec<(i64, f32)>, VectorError> {
        if self.ids.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let vector = unit(vector, self.dimension)?;
        let rows = self.numbers.chunks_exact(self.dimension);
        let mut matches: Vec<(i64, f32)> =
            self.ids.iter().copied().zip(rows.map(|row| dot(row, &vector))).collect();
        let best_first = |a: &(i64, f32), b: &(i64, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if matches.len() > limit {
            matches.select_nth_unstable_by(limit, best_first);
            matches.truncate(limit);
        }
        matches.sort_unstable_by(best_first);
        Ok(matches)
    }
}

#[async_trait]
impl Index for MemoryIndex {
    async fn upsert(&self, items: Vec<(i64, Vec<f32>)>) -> Result<(), VectorError> {
        let rows = Arc::clone(&self.rows);
        aside(move || rows.write().unwrap_or_else(PoisonError::into_inner).upsert(items)).await
    }

    async fn remove(&self, ids: Vec<i64>) -> Result<(), VectorError> {
        let rows = Arc::clone(&self.rows);
        aside(move || {
            let mut rows = rows.write().unwrap_or_else(PoisonError::into_inner);
            ids.into_iter().for_each(|id| rows.remove(id));
            Ok(())
        })
        .await
    }

    async fn search(&self, vector: Vec<f32>, limit: usize) -> Result<Vec<(i64, f32)>, VectorError> {
        let rows = Arc::clone(&self.rows);
        let limit = limit.min(SEARCH_MAX);
        aside(move || rows.read().unwrap_or_else(PoisonError::into_inner).search(vector, limit)).await
    }

    async fn count(&self) -> Result<usize, VectorError> {
        Ok(self.rows.read().unwrap_or_else(PoisonError::into_inner).ids.len())
    }
}

/// Runs the work on a thread where it holds up no other request.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VectorError> + Send + 'static,
) -> Result<T, VectorError> {
    tokio::task::spawn_blocking(work).await.map_err(VectorError::Worker)?
}

/// The vector at unit length, checked.
fn unit(mut vector: Vec<f32>, expected: usize) -> Result<Vec<f32>, VectorError> {
    if vector.len() != expected {
        return Err(VectorError::Dimension { expected, actual: vector.len() });
    }
    if vector.iter().any(|number| !number.is_finite()) {
        return Err(VectorError::NotFinite);
    }
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if length < 1e-12 {
        return Err(VectorError::Zero);
    }
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    Ok(vector)
}

/// The scalar product, in eight lanes so that the compiler uses vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a_lanes, a_rest), (b_lanes, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a_lane, b_lane) in a_lanes.iter().zip(b_lanes) {
        for ((sum, x), y) in sums.iter_mut().zip(a_lane).zip(b_lane) {
            *sum += x * y;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn filled() -> MemoryIndex {
        let index = MemoryIndex::default();
        let items = vec![(1, vec![1.0, 0.0, 0.0]), (2, vec![0.0, 5.0, 0.0]), (3, vec![3.0, 3.0, 0.0])];
        index.upsert(items).await.unwrap();
        index
    }

    fn ids(matches: &[(i64, f32)]) -> Vec<i64> {
        matches.iter().map(|(id, _)| *id).collect()
    }

    #[tokio::test]
    async fn the_nearest_come_first_whatever_their_length() {
        let matches = filled().await.search(vec![0.1, 0.9, 0.0], 2).await.unwrap();
        assert_eq!(ids(&matches), [2, 3]);
        assert!(matches.iter().all(|(_, score)| (-1.0001..=1.0001).contains(score)));
    }

    #[tokio::test]
    async fn equal_scores_are_ordered_by_id() {
        let index = MemoryIndex::default();
        index.upsert(vec![(9, vec![1.0]), (4, vec![2.0]), (7, vec![3.0])]).await.unwrap();
        assert_eq!(ids(&index.search(vec![1.0], 10).await.unwrap()), [4, 7, 9]);
        assert_eq!(ids(&index.search(vec![1.0], 2).await.unwrap()), [4, 7]);
    }

    #[tokio::test]
    async fn an_id_is_replaced_and_removed() {
        let index = filled().await;
        index.upsert(vec![(1, vec![0.0, 0.0, 1.0])]).await.unwrap();
        assert_eq!(ids(&index.search(vec![0.0, 0.0, 1.0], 1).await.unwrap()), [1]);
        index.remove(vec![1, 99]).await.unwrap();
        assert_eq!(index.count().await.unwrap(), 2);
        assert_eq!(ids(&index.search(vec![0.0, 1.0, 0.0], 9).await.unwrap()), [2, 3]);
        index.remove(vec![3, 2]).await.unwrap();
        assert!(index.search(vec![0.0, 1.0, 0.0], 9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_bad_vector_is_refused_and_stores_nothing() {
        let index = filled().await;
        let good = vec![0.0, 0.0, 1.0];
        let refused = |bad: Vec<f32>| index.upsert(vec![(8, good.clone()), (9, bad)]);
        assert!(matches!(refused(vec![1.0]).await, Err(VectorError::Dimension { expected: 3, actual: 1 })));
        assert!(matches!(refused(vec![1.0, f32::NAN, 0.0]).await, Err(VectorError::NotFinite)));
        assert!(matches!(refused(vec![0.0; 3]).await, Err(VectorError::Zero)));
        assert_eq!(index.count().await.unwrap(), 3);
        assert!(matches!(index.search(vec![1.0], 1).await, Err(VectorError::Dimension { .. })));
    }

    #[tokio::test]
    async fn an_empty_vector_does_not_set_a_dimension() {
        let index = MemoryIndex::default();
        assert!(matches!(index.upsert(vec![(1, vec![])]).await, Err(VectorError::Zero)));
        index.upsert(vec![]).await.unwrap();
        index.upsert(vec![(1, vec![1.0, 2.0])]).await.unwrap();
    }
}
