//! The picture library: which avatars and covers look like a given picture.
//!
//! The table is the truth. The index holds ids only, is filled from the table when the service starts
//! and follows each commit; an id whose row is gone is dropped when a search comes upon it.

use std::{collections::HashMap, sync::Arc};

use fanone_base::{Id, InvalidField};
use fanone_vectors::{Index, from_bytes};

use crate::{
    error::UserError,
    store::{Picture, PictureStore, page_after},
};

/// Rows read at a time when the index is filled.
const PAGE_ROWS: u64 = 500;
/// Matches asked for at once.
const LIMIT_MAX: usize = 100;
/// A search that meets ids without rows is repeated so often.
const SEARCH_TRIES: usize = 3;
const KEY_BYTES_MAX: usize = 255;
const MODEL_BYTES_MAX: usize = 64;
const VECTOR_BYTES_MAX: usize = 4 * 4096;

/// A picture of the library that is like another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    pub(crate) picture: Picture,
    /// The cosine; 1 is equal.
    pub(crate) score: f64,
}

/// Finds pictures of one model. Those of other models stay in the table.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(crate) store: PictureStore,
    index: Arc<dyn Index>,
    model: Arc<str>,
}

impl Pictures {
    /// The library with every picture of `model` in the index.
    pub(crate) async fn open(
        store: PictureStore,
        index: Arc<dyn Index>,
        model: &str,
    ) -> Result<Self, fanone_store::StoreError> {
        let pictures = Self { store, index, model: model.into() };
        for shard in pictures.store.shards() {
            let mut last = 0;
            loop {
                let page = page_after(shard, last, PAGE_ROWS).await?;
                let Some(picture) = page.last() else { break };
                last = picture.id;
                pictures.added(page).await;
            }
        }
        Ok(pictures)
    }

    /// The pictures nearest to `vector`, best first.
    pub(crate) async fn search(
        &self,
        vector: &[u8],
        model: &str,
        limit: i32,
    ) -> Result<Vec<Match>, UserError> {
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let limit = limit.ok_or_else(|| InvalidField::new("limit", format!("must be 1 to {LIMIT_MAX}")))?;
        let vector = parse_vector(vector)?;
        if vector.is_empty() {
            return Err(InvalidField::missing("vector").into());
        }
        if model != &*self.model {
            tracing::warn!(model, ours = &*self.model, "search with a vector of another model");
            return Ok(Vec::new());
        }
        let mut matches = Vec::new();
        for _ in 0..SEARCH_TRIES {
            let near = self.index.search(vector.clone(), limit).await?;
            let ids: Vec<Id> = near.iter().map(|(id, _)| Id(*id)).collect();
            let found = self.store.find(&ids).await?;
            let mut rows: HashMap<i64, Picture> = found.into_iter().map(|row| (row.id, row)).collect();
            let gone = ids.into_iter().filter(|id| !rows.contains_key(&id.0)).collect::<Vec<_>>();
            matches = near
                .into_iter()
                .filter_map(|(id, score)| Some(Match { picture: rows.remove(&id)?, score: score.into() }))
                .collect();
            if gone.is_empty() {
                break;
            }
            self.removed(&gone).await;
        }
        Ok(matches)
    }

    /// Takes stored pictures into the index. One that does not fit is left out and logged: it must not
    /// hold up what is stored with it.
    pub(crate) async fn added(&self, pictures: Vec<Picture>) {
        let ours = pictures.into_iter().filter(|it| *it.model == *self.model && !it.vector.is_empty());
        // What is stored has been checked, so that none is lost here.
        let items = ours.filter_map(|it| Some((it.id, from_bytes(&it.vector).ok()?)));
        let items: Vec<(i64, Vec<f32>)> = items.collect();
        if items.is_empty() || self.index.upsert(items.clone()).await.is_ok() {
            return;
        }
        for (id, vector) in items {
            if let Err(error) = self.index.upsert(vec![(id, vector)]).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(picture = id, error, "a picture cannot be searched for");
            }
        }
    }

    /// Drops pictures from the index.
    pub(crate) async fn removed(&self, ids: &[Id]) {
        if let Err(error) = self.index.remove(ids.iter().map(|id| id.0).collect()).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "pictures stay in the index");
        }
    }
}

/// Accepts what a picture is stored with.
pub(crate) fn check(key: &str, vector: &[u8], model: &str) -> Result<(), InvalidField> {
    if key.is_empty() {
        return Err(InvalidField::missing("key"));
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(InvalidField::new("key", format!("must be at most {KEY_BYTES_MAX} bytes")));
    }
    if model.len() > MODEL_BYTES_MAX {
        return Err(InvalidField::new("model", format!("must be at most {MODEL_BYTES_MAX} bytes")));
    }
    parse_vector(vector)?;
    Ok(())
}

fn parse_vector(bytes: &[u8]) -> Result<Vec<f32>, InvalidField> {
    let refused = |reason: String| InvalidField::new("vector", reason);
    if bytes.len() > VECTOR_BYTES_MAX {
        return Err(refused(format!("must be at most {VECTOR_BYTES_MAX} bytes")));
    }
    from_bytes(bytes).map_err(|error| refused(error.to_string()))
}
