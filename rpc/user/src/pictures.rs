//! The picture library: which avatars and covers look like a given picture.
//!
//! The table is the truth. The index holds ids only; one whose row is gone is dropped when a search comes upon it. An index
//! of this process is filled from the table when the service starts and follows each commit; what other processes have
//! written is taken in before a search, unless their shard is still at the version of the last time. An index that all
//! processes share is fed from the outbox (`feed.rs`).

use std::{collections::HashMap, sync::Arc};

use fanone_base::{Id, InvalidField, time};
use fanone_store::{Shard, Store, StoreError};
use fanone_vectors::{Index, Of, VectorError, from_bytes};
use futures::future::try_join_all;

use crate::{
    error::UserError,
    store::{Feed, Pages, Picture, PictureStore},
};

/// An id of a picture that is younger is not dropped from the index: its row may only be unknown yet where we read.
const YOUNG_MS: i64 = 60_000;
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

/// Finds pictures by their vectors.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(crate) store: PictureStore,
    pub(crate) index: Arc<dyn Index>,
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
    /// The library, with every picture in the index.
    pub(crate) async fn open(store: Store, index: Arc<dyn Index>) -> Result<Self, StoreError> {
        let feed = if index.is_shared() { Feed::Outbox } else { Feed::Table };
        let seen = store.shards().iter().map(|_| tokio::sync::Mutex::default()).collect();
        let pictures = Self { store: PictureStore { store, feed }, index, seen };
        if feed == Feed::Table {
            pictures.fill().await?;
        }
        Ok(pictures)
    }

    async fn fill(&self) -> Result<(), StoreError> {
        for (shard, seen) in self.store.shards().iter().zip(&*self.seen) {
            seen.lock().await.at = time::now_ms();
            let mut pages = Pages::all(shard);
            while let Some(page) = pages.next().await? {
                self.take_in(page).await;
            }
        }
        Ok(())
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
        let (mut matches, mut ghosts) = (Vec::new(), 0);
        for _ in 0..SEARCH_TRIES {
            let near = self.index.search(model, vector.clone(), limit + ghosts).await?;
            let ids: Vec<Id> = near.iter().map(|(id, _)| Id(*id)).collect();
            let found = self.store.find(&ids).await?;
            // While another model takes over, a row may be one of its own already; what this one has said of it holds.
            let mut rows: HashMap<i64, Picture> = found.into_iter().map(|row| (row.id, row)).collect();
            let gone = ids.into_iter().filter(|id| !rows.contains_key(&id.0)).collect::<Vec<_>>();
            matches = near
                .into_iter()
                .filter_map(|(id, score)| Some(Match { picture: rows.remove(&id)?, score: score.into() }))
                .take(limit)
                .collect();
            if gone.is_empty() || matches.len() == limit {
                self.drop_ghosts(model, gone);
                break;
            }
            ghosts = gone.len();
            self.drop_ghosts(model, gone);
        }
        Ok(matches)
    }

    /// Takes in what other processes have written.
    async fn catch_up(&self) -> Result<(), StoreError> {
        if self.store.feed == Feed::Outbox {
            return Ok(());
        }
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
        let mut pages = Pages::written_since(shard, seen.at);
        while let Some(page) = pages.next().await? {
            self.take_in(page).await;
        }
        *seen = Seen { version, at: now };
        Ok(())
    }

    /// Has an index of this process follow: these pictures are stored. An index that is shared hears of it by the outbox.
    pub(crate) async fn added(&self, pictures: Vec<Picture>) {
        if self.store.feed == Feed::Table {
            self.take_in(pictures).await;
        }
    }

    /// Has an index of this process follow: these pictures have gone.
    pub(crate) async fn removed(&self, ids: &[Id]) {
        if self.store.feed == Feed::Table {
            let removed = self.index.remove(Of::All, ids.iter().map(|id| id.0).collect()).await;
            log_failure("pictures stay in the index", removed);
        }
    }

    async fn take_in(&self, pictures: Vec<Picture>) {
        log_failure("pictures can't be searched for", self.store_vectors(pictures).await);
    }

    /// Stores the vectors of pictures in the index of their model. One that does not fit is left out and logged: it must not
    /// hold up what is stored with it.
    pub(crate) async fn store_vectors(&self, pictures: Vec<Picture>) -> Result<(), VectorError> {
        for (model, items) in by_model(pictures) {
            log_refused(&model, self.index.upsert(&model, items).await?);
        }
        Ok(())
    }

    /// Drops ids that no row stands behind, when there is time.
    fn drop_ghosts(&self, model: &str, mut ids: Vec<Id>) {
        let old = time::now_ms() - YOUNG_MS;
        ids.retain(|id| id.millis() < old);
        if ids.is_empty() {
            return;
        }
        let (index, model) = (Arc::clone(&self.index), model.to_owned());
        tokio::spawn(async move {
            let removed = index.remove(Of::Only(&model), ids.iter().map(|id| id.0).collect()).await;
            log_failure("pictures stay in the index", removed);
        });
    }
}

/// The vectors of pictures that have one, by their model.
pub(crate) fn by_model(pictures: Vec<Picture>) -> HashMap<String, Vec<(i64, Vec<f32>)>> {
    let mut models: HashMap<String, Vec<(i64, Vec<f32>)>> = HashMap::new();
    for picture in pictures.into_iter().filter(|it| !it.vector.is_empty()) {
        // What is stored has been checked, so that none is lost here.
        let Ok(vector) = from_bytes(&picture.vector) else { continue };
        models.entry(picture.model).or_default().push((picture.id, vector));
    }
    models
}

pub(crate) fn log_refused(model: &str, refused: Vec<fanone_vectors::Refused>) {
    for (picture, error) in refused {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(picture, model, error, "a picture can't be searched for");
    }
}

fn log_failure(what: &str, result: Result<(), VectorError>) {
    if let Err(error) = result {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "{what}");
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
