//! The picture library: which avatars and covers look like a given picture.
//!
//! The table is the truth. The index holds ids only, is filled from the table when the service starts
//! and follows each commit; an id whose row is gone is dropped when a search comes upon it. What other processes have
//! written is taken in before a search, unless their shard is still at the version of the last time. Each model has an index
//! of its own: vectors of different models can't be compared.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use fanone_base::{Id, InvalidField, time};
use fanone_store::{Shard, StoreError};
use fanone_vectors::{Index, VectorError, from_bytes, open_index};
use futures::future::try_join_all;

use crate::{
    error::UserError,
    store::{Picture, PictureStore, changed_since, page_after},
};

/// Rows read at a time when the index is filled.
const PAGE_ROWS: u64 = 500;
/// A row that another process writes now may bear a time that lies so far back: its transaction takes a while, and
/// clocks differ.
const BEHIND_MS: i64 = 20_000;
/// Matches asked for at once.
const LIMIT_MAX: usize = 100;
/// A search that meets ids without rows is repeated so often.
const SEARCH_TRIES: usize = 3;
const KEY_BYTES_MAX: usize = 255;
const MODEL_BYTES_MAX: usize = 64;
/// Models whose vectors lie in the table at a time: the present one, the one before, and those of old mistakes.
const MODELS_MAX: usize = 8;
const VECTOR_BYTES_MAX: usize = 4 * 4096;

/// A picture of the library that is like another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    pub(crate) picture: Picture,
    /// The cosine; 1 is equal.
    pub(crate) score: f64,
}

/// The indexes by the name of their model; each is made when the first picture of its model comes.
#[derive(Clone)]
struct Indexes {
    url: Arc<str>,
    by_model: Arc<RwLock<HashMap<String, Arc<dyn Index>>>>,
}

impl Indexes {
    fn of(&self, model: &str) -> Option<Arc<dyn Index>> {
        self.by_model.read().unwrap_or_else(PoisonError::into_inner).get(model).cloned()
    }

    fn all(&self) -> Vec<Arc<dyn Index>> {
        self.by_model.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn made(&self, model: &str) -> Result<Arc<dyn Index>, VectorError> {
        let mut indexes = self.by_model.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.get(model) {
            return Ok(Arc::clone(index));
        }
        if indexes.len() >= MODELS_MAX {
            return Err(VectorError::Full(indexes.len()));
        }
        let index = open_index(&self.url)?;
        indexes.insert(model.to_owned(), Arc::clone(&index));
        Ok(index)
    }
}

/// Finds pictures by the vectors of any model that has described them.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(crate) store: PictureStore,
    indexes: Indexes,
    /// Of each shard, in order.
    seen: Arc<[tokio::sync::Mutex<Seen>]>,
}

/// Up to where the rows of a shard have been taken into the index.
#[derive(Default)]
struct Seen {
    version: Option<u64>,
    /// Unix milliseconds.
    at: i64,
}

impl Pictures {
    /// The library with every picture in the index of its model, which `url` chooses.
    pub(crate) async fn open(store: PictureStore, url: &str) -> Result<Self, StoreError> {
        let seen = store.shards().iter().map(|_| tokio::sync::Mutex::default()).collect();
        let indexes = Indexes { url: url.into(), by_model: Arc::default() };
        let pictures = Self { store, indexes, seen };
        for (shard, seen) in pictures.store.shards().iter().zip(&*pictures.seen) {
            seen.lock().await.at = time::now_ms();
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
        self.catch_up().await?;
        let Some(index) = self.indexes.of(model) else { return Ok(Vec::new()) };
        let mut matches = Vec::new();
        for _ in 0..SEARCH_TRIES {
            let near = index.search(vector.clone(), limit).await?;
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

    /// Takes in what other processes have written.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let shards = self.store.shards().iter().zip(&*self.seen).filter(|(shard, _)| shard.is_shared());
        try_join_all(shards.map(|(shard, seen)| async {
            let mut seen = seen.lock().await;
            self.catch_up_with(shard, &mut seen).await
        }))
        .await?;
        Ok(())
    }

    async fn catch_up_with(&self, shard: &Shard, seen: &mut Seen) -> Result<(), StoreError> {
        let (version, now) = (shard.version().await, time::now_ms());
        if version.is_some() && version == seen.version {
            return Ok(());
        }
        let mut last = None;
        loop {
            let page = changed_since(shard, seen.at - BEHIND_MS, last, PAGE_ROWS).await?;
            let Some(picture) = page.last() else { break };
            last = Some((picture.created_at, Id(picture.id)));
            self.added(page).await;
        }
        *seen = Seen { version, at: now };
        Ok(())
    }

    /// Takes stored pictures into the index. One that does not fit is left out and logged: it must not
    /// hold up what is stored with it.
    pub(crate) async fn added(&self, pictures: Vec<Picture>) {
        let mut by_model: HashMap<String, Vec<(i64, Vec<f32>)>> = HashMap::new();
        for it in pictures.into_iter().filter(|it| !it.vector.is_empty()) {
            // What is stored has been checked, so that none is lost here.
            let Ok(vector) = from_bytes(&it.vector) else { continue };
            by_model.entry(it.model).or_default().push((it.id, vector));
        }
        for (model, items) in by_model {
            match self.indexes.made(&model) {
                Ok(index) => add(&*index, items).await,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(model, error, "pictures of this model cannot be searched for");
                }
            }
        }
    }

    /// Drops pictures from the index.
    pub(crate) async fn removed(&self, ids: &[Id]) {
        for index in self.indexes.all() {
            if let Err(error) = index.remove(ids.iter().map(|id| id.0).collect()).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "pictures stay in the index");
            }
        }
    }
}

async fn add(index: &dyn Index, items: Vec<(i64, Vec<f32>)>) {
    if index.upsert(items.clone()).await.is_ok() {
        return;
    }
    for (id, vector) in items {
        if let Err(error) = index.upsert(vec![(id, vector)]).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(picture = id, error, "a picture cannot be searched for");
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
    // A picture without a vector has no model either.
    if !model.is_empty() {
        check_model(model)?;
    }
    parse_vector(vector)?;
    Ok(())
}

/// Accepts the name of a model.
pub(crate) fn check_model(model: &str) -> Result<(), InvalidField> {
    if model.is_empty() {
        return Err(InvalidField::missing("model"));
    }
    if model.len() > MODEL_BYTES_MAX {
        return Err(InvalidField::new("model", format!("must be at most {MODEL_BYTES_MAX} bytes")));
    }
    Ok(())
}

pub(crate) fn parse_vector(bytes: &[u8]) -> Result<Vec<f32>, InvalidField> {
    let refused = |reason: String| InvalidField::new("vector", reason);
    if bytes.len() > VECTOR_BYTES_MAX {
        return Err(refused(format!("must be at most {VECTOR_BYTES_MAX} bytes")));
    }
    from_bytes(bytes).map_err(|error| refused(error.to_string()))
}
