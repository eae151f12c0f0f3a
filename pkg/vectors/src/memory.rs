//! The index in this process: exact, by comparing with every vector.
//!
//! Rows lie one after the other in one allocation, so a search is a walk through memory: 100,000 vectors of 352
//! numbers take about 20 ms on one core. Beyond that size a vector database is the better place.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use async_trait::async_trait;

use crate::{Index, Of, Refused, SEARCH_MAX, VectorError, index::unit, metric};

/// The most vectors held of a model: with 352 numbers each, 1.4 GB.
const ROWS_MAX: usize = 1_000_000;
/// Models at a time: the present one, the one before, and those of old mistakes.
const MODELS_MAX: usize = 8;

/// An exact index in memory, empty at the start of each process.
#[derive(Clone, Default)]
pub struct MemoryIndex {
    models: Arc<RwLock<HashMap<String, Rows>>>,
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
    fn upsert(&mut self, items: Vec<(i64, Vec<f32>)>) -> Vec<Refused> {
        items.into_iter().filter_map(|(id, vector)| Some((id, self.upsert_one(id, vector).err()?))).collect()
    }

    fn upsert_one(&mut self, id: i64, vector: Vec<f32>) -> Result<(), VectorError> {
        let expected = if self.ids.is_empty() { vector.len() } else { self.dimension };
        let vector = unit(vector, expected)?;
        if self.ids.len() >= ROWS_MAX && !self.places.contains_key(&id) {
            return Err(VectorError::Full(self.ids.len()));
        }
        self.dimension = expected;
        self.put(id, &vector);
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
    fn is_shared(&self) -> bool {
        false
    }

    async fn upsert(&self, model: &str, items: Vec<(i64, Vec<f32>)>) -> Result<Vec<Refused>, VectorError> {
        let (models, model) = (Arc::clone(&self.models), model.to_owned());
        aside(move || {
            let mut models = models.write().unwrap_or_else(PoisonError::into_inner);
            if models.len() >= MODELS_MAX && !models.contains_key(&model) {
                return Err(VectorError::Models(models.len()));
            }
            Ok(models.entry(model).or_default().upsert(items))
        })
        .await
    }

    async fn remove(&self, of: Of<'_>, ids: Vec<i64>) -> Result<(), VectorError> {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        for (_, rows) in models.iter_mut().filter(|(model, _)| of.has(model)) {
            ids.iter().for_each(|id| rows.remove(*id));
        }
        Ok(())
    }

    async fn search(
        &self,
        model: &str,
        vector: Vec<f32>,
        limit: usize,
    ) -> Result<Vec<(i64, f32)>, VectorError> {
        let (models, model) = (Arc::clone(&self.models), model.to_owned());
        let limit = limit.min(SEARCH_MAX);
        let began = Instant::now();
        let found = aside(move || {
            let models = models.read().unwrap_or_else(PoisonError::into_inner);
            models.get(&model).map_or(Ok(Vec::new()), |rows| rows.search(vector, limit))
        })
        .await;
        metric::SEARCHES.record([metric::outcome(&found)], began.elapsed());
        found
    }

    async fn count(&self, model: &str) -> Result<usize, VectorError> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        Ok(models.get(model).map_or(0, |rows| rows.ids.len()))
    }

    async fn ping(&self) -> Result<(), VectorError> {
        Ok(())
    }
}

impl Of<'_> {
    fn has(self, model: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only == model,
        }
    }
}

/// Runs the work on a thread where it holds up no other request.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VectorError> + Send + 'static,
) -> Result<T, VectorError> {
    tokio::task::spawn_blocking(work).await.map_err(VectorError::Worker)?
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

    const MODEL: &str = "model";

    async fn filled() -> MemoryIndex {
        let index = MemoryIndex::default();
        let items = vec![(1, vec![1.0, 0.0, 0.0]), (2, vec![0.0, 5.0, 0.0]), (3, vec![3.0, 3.0, 0.0])];
        assert!(index.upsert(MODEL, items).await.unwrap().is_empty());
        index
    }

    async fn search(index: &MemoryIndex, vector: &[f32], limit: usize) -> Vec<i64> {
        let matches = index.search(MODEL, vector.to_vec(), limit).await.unwrap();
        assert!(matches.iter().all(|(_, score)| (-1.0001..=1.0001).contains(score)));
        matches.iter().map(|(id, _)| *id).collect()
    }

    #[tokio::test]
    async fn the_nearest_come_first_whatever_their_length() {
        assert_eq!(search(&filled().await, &[0.1, 0.9, 0.0], 2).await, [2, 3]);
    }

    #[tokio::test]
    async fn equal_scores_are_ordered_by_id() {
        let index = MemoryIndex::default();
        index.upsert(MODEL, vec![(9, vec![1.0]), (4, vec![2.0]), (7, vec![3.0])]).await.unwrap();
        assert_eq!(search(&index, &[1.0], 10).await, [4, 7, 9]);
        assert_eq!(search(&index, &[1.0], 2).await, [4, 7]);
    }

    #[tokio::test]
    async fn an_id_is_replaced_and_removed() {
        let index = filled().await;
        index.upsert(MODEL, vec![(1, vec![0.0, 0.0, 1.0])]).await.unwrap();
        assert_eq!(search(&index, &[0.0, 0.0, 1.0], 1).await, [1]);
        index.remove(Of::All, vec![1, 99]).await.unwrap();
        assert_eq!(index.count(MODEL).await.unwrap(), 2);
        assert_eq!(search(&index, &[0.0, 1.0, 0.0], 9).await, [2, 3]);
        index.remove(Of::Only(MODEL), vec![3, 2]).await.unwrap();
        assert!(search(&index, &[0.0, 1.0, 0.0], 9).await.is_empty());
    }

    #[tokio::test]
    async fn a_bad_vector_is_refused_and_holds_up_no_other() {
        let index = filled().await;
        let items =
            vec![(7, vec![1.0]), (8, vec![0.0, 0.0, 1.0]), (9, vec![1.0, f32::NAN, 0.0]), (10, vec![0.0; 3])];
        let refused = index.upsert(MODEL, items).await.unwrap();
        assert!(matches!(
            &*refused,
            [
                (7, VectorError::Dimension { expected: 3, actual: 1 }),
                (9, VectorError::NotFinite),
                (10, VectorError::Zero)
            ]
        ));
        assert_eq!(search(&index, &[0.0, 0.0, 1.0], 1).await, [8]);
        assert!(matches!(index.search(MODEL, vec![1.0], 1).await, Err(VectorError::Dimension { .. })));
    }

    #[tokio::test]
    async fn an_empty_vector_does_not_set_a_dimension() {
        let index = MemoryIndex::default();
        let refused = index.upsert(MODEL, vec![(1, vec![]), (2, vec![1.0, 2.0])]).await.unwrap();
        assert!(matches!(&*refused, [(1, VectorError::Zero)]));
        assert_eq!(index.count(MODEL).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn each_model_has_an_index_of_its_own() {
        let index = filled().await;
        index.upsert("other", vec![(1, vec![1.0]), (5, vec![2.0])]).await.unwrap();
        assert_eq!(index.search("other", vec![1.0], 9).await.unwrap().len(), 2);
        assert_eq!(index.search("third", vec![1.0], 9).await.unwrap(), []);
        index.remove(Of::Only(MODEL), vec![1, 5]).await.unwrap();
        assert_eq!((index.count(MODEL).await.unwrap(), index.count("other").await.unwrap()), (2, 2));
        for number in 0..MODELS_MAX {
            index.upsert(&number.to_string(), vec![(1, vec![1.0])]).await.ok();
        }
        assert!(matches!(index.upsert("one more", vec![]).await, Err(VectorError::Models(MODELS_MAX))));
    }
}
