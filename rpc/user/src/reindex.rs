//! The index of vectors made anew of the table, while the present one is searched.

use std::collections::HashMap;

use fanone_base::time;
use fanone_store::{Store, StoreError, jobs};
use fanone_vectors::{MilvusIndex, Rebuild, VectorError};

use crate::{
    pictures::{Pictures, by_model, log_refused},
    store::{Pages, count_pictures},
};

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rows of the table read, and how many there are about.
    Rows {
        /// Read so far.
        done: u64,
        /// About so many.
        total: u64,
    },
    /// Something else has begun or is done, for people.
    Step(String),
}

/// Why the index could not be made anew. The old one is still in use, or the new one already.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// Each would drop what the other has built so far.
    #[error("another `fanone reindex` is at work; one that was killed seems to be for six seconds more")]
    Another,
    /// The table.
    #[error("the database of the user service")]
    Store(#[from] StoreError),
    /// The index.
    #[error("the index of vectors")]
    Vector(#[from] VectorError),
}

/// Builds a collection for each model that has described a picture, has it searched in place of the present one, and drops that
/// one. Answers how many vectors each model has.
pub async fn reindex(
    store: Store,
    index: &MilvusIndex,
    progress: impl Fn(Progress),
) -> Result<Vec<(String, u64)>, ReindexError> {
    let rebuilt = rebuild(store.clone(), index, progress);
    jobs::alone(&store, "user_reindex", rebuilt).await?.ok_or(ReindexError::Another)
}

async fn rebuild(
    store: Store,
    index: &MilvusIndex,
    progress: impl Fn(Progress),
) -> Result<Vec<(String, u64)>, ReindexError> {
    let began = time::now_ms();
    let pictures = Pictures::open(store, std::sync::Arc::new(index.clone())).await?;
    let models = fill(&pictures, index, &progress).await?;
    let mut before = Vec::new();
    for (model, (rebuild, _)) in &models {
        progress(Progress::Step(format!("{model}: Milvus builds its index")));
        rebuild.complete().await?;
        if let Some(name) = rebuild.switch().await? {
            before.push((rebuild, name));
        }
        progress(Progress::Step(format!("{model}: {} is searched from now on", rebuild.name())));
    }
    catch_up(&pictures, began).await?;
    for (rebuild, name) in before {
        rebuild.drop_before(&name).await?;
    }
    // If there is no picture at all, the settings may name the wrong database.
    let names: Vec<&str> = models.keys().map(String::as_str).collect();
    if !names.is_empty() {
        for name in index.drop_others(&names).await? {
            progress(Progress::Step(format!(
                "{name} is dropped: no picture has a vector of its model any more"
            )));
        }
    }
    Ok(models.into_iter().map(|(model, (_, count))| (model, count)).collect())
}

type Models = HashMap<String, (Rebuild, u64)>;

/// Takes every row into the new collection of its model.
async fn fill(
    pictures: &Pictures,
    index: &MilvusIndex,
    progress: &impl Fn(Progress),
) -> Result<Models, ReindexError> {
    let (mut models, mut done, mut total) = (Models::new(), 0, 0);
    for shard in pictures.store.shards() {
        total += count_pictures(shard).await?;
    }
    for shard in pictures.store.shards() {
        let mut pages = Pages::all(shard);
        while let Some(page) = pages.next().await? {
            done += page.len() as u64;
            for (model, items) in by_model(page) {
                add(&mut models, index, model, items).await?;
            }
            progress(Progress::Rows { done, total: total.max(done) });
        }
    }
    Ok(models)
}

async fn add(
    models: &mut Models,
    index: &MilvusIndex,
    model: String,
    items: Vec<(i64, Vec<f32>)>,
) -> Result<(), ReindexError> {
    let count = items.len() as u64;
    let (rebuild, sum) = match models.get_mut(&model) {
        Some(known) => known,
        None => {
            let rebuild = index.rebuild(&model, usual_dimension(&items)).await?;
            models.entry(model.clone()).or_insert((rebuild, 0))
        }
    };
    let refused = rebuild.add(items).await?;
    *sum += count - refused.len() as u64;
    log_refused(&model, refused);
    Ok(())
}

/// What most vectors have: a single wrong one must not decide.
fn usual_dimension(items: &[(i64, Vec<f32>)]) -> usize {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for (_, vector) in items {
        *counts.entry(vector.len()).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(dimension, count)| (*count, *dimension))
        .map_or(0, |(dimension, _)| dimension)
}

/// Takes in what was written meanwhile: until the switch, the outbox brought it to the old collection.
async fn catch_up(pictures: &Pictures, began: i64) -> Result<(), ReindexError> {
    for shard in pictures.store.shards() {
        let mut pages = Pages::written_since(shard, began);
        while let Some(page) = pages.next().await? {
            pictures.store_vectors(page).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_wrong_vector_does_not_decide() {
        let items = vec![(1, vec![0.0]), (2, vec![0.0; 3]), (3, vec![1.0; 3])];
        assert_eq!(usual_dimension(&items), 3);
    }
}
