//! The index in a Milvus.
//!
//! Each model has a collection, `PREFIX_pictures_MODEL__gNUMBER`, and an alias without the number, by which it is used. So a
//! collection can be rebuilt beside the one that is searched. The alias is made when the collection is ready: one without
//! an alias is what somebody who was killed has left, or is at work on.
//!
//! | file | what |
//! | --- | --- |
//! | `link` | the connection: a limit on each call, and what is known while Milvus is away |
//! | `collections` | names, making, finding and dropping of collections |
//! | `failure` | what Milvus' errors mean |
//! | `rebuild` | a new collection in place of the present one |

mod collections;
mod failure;
mod link;
mod rebuild;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use fanone_config::MilvusUrl;
use milvus::v2::prelude::{
    ConsistencyLevel, DeleteRequest, FieldData, Ids, InsertRequest, QueryRequest, SearchRequest,
    SearchVectors, UpsertRequest,
};

use crate::{Index, Of, Refused, SEARCH_MAX, VectorError, index::unit, metric};
use collections::{Collections, ID, VECTOR};
use link::{Link, PATIENT};

pub use rebuild::Rebuild;

/// Vectors in one request: with the longest, 8 MB.
const ITEMS_AT_ONCE: usize = 500;

/// An index in a Milvus. Cheap to clone.
#[derive(Clone)]
pub struct MilvusIndex {
    collections: Arc<Collections>,
    timeout: Duration,
}

impl MilvusIndex {
    /// Nothing is connected yet. `timeout` is that of a search.
    #[must_use]
    pub fn new(url: &MilvusUrl, timeout: Duration) -> Self {
        Self { collections: Arc::new(Collections::new(Link::new(url), &url.prefix)), timeout }
    }

    fn link(&self) -> &Link {
        &self.collections.link
    }

    /// Begins to build a collection that takes the place of the present one of `model`. What earlier attempts have left is
    /// removed.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn rebuild(&self, model: &str, dimension: usize) -> Result<Rebuild, VectorError> {
        Rebuild::begin(Arc::clone(&self.collections), model, dimension).await
    }

    /// Drops the collections of all models but these; answers their names.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn drop_others(&self, models: &[&str]) -> Result<Vec<String>, VectorError> {
        self.collections.discard_others(models).await
    }

    async fn search_at(
        &self,
        alias: &str,
        vector: &[f32],
        limit: usize,
    ) -> Result<Vec<(i64, f32)>, VectorError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self
            .link()
            .call_if_there("search", self.timeout, async |client| {
                let request = SearchRequest::builder()
                    .collection_name(alias)
                    .vector_field(VECTOR)
                    .vectors(SearchVectors::Float(vec![vector.to_vec()]))
                    .limit(limit)
                    .extra_params(collections::effort(limit))
                    // A strong one waits for the next tick of Milvus' clock, a third of a second.
                    .consistency_level(ConsistencyLevel::Bounded)
                    .build()?;
                client.search(request).await
            })
            .await?;
        let Some(found) = found.results().get_results().first() else { return Ok(Vec::new()) };
        let Ids::Int64(ids) = found.get_ids() else { return Ok(Vec::new()) };
        let mut matches: Vec<(i64, f32)> =
            ids.iter().copied().zip(found.get_scores().iter().copied()).collect();
        matches.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(matches)
    }

    /// The search, and if its collection is not there, once more when that has been looked at.
    async fn search_in(
        &self,
        model: &str,
        vector: &[f32],
        limit: usize,
    ) -> Result<Vec<(i64, f32)>, VectorError> {
        let Some(dimension) = self.collections.known_dimension(model, self.timeout).await? else {
            return Ok(Vec::new());
        };
        let vector = unit(vector.to_vec(), dimension)?;
        let alias = self.collections.alias(model);
        match self.search_at(&alias, &vector, limit).await {
            Err(VectorError::Gone(_)) => {
                self.collections.forget(model);
                match self.collections.known_dimension(model, self.timeout).await? {
                    Some(_) => self.search_at(&alias, &vector, limit).await,
                    None => Ok(Vec::new()),
                }
            }
            other => other,
        }
    }
}

#[async_trait]
impl Index for MilvusIndex {
    fn is_shared(&self) -> bool {
        true
    }

    async fn upsert(&self, model: &str, items: Vec<(i64, Vec<f32>)>) -> Result<Vec<Refused>, VectorError> {
        let Some(expected) = items.iter().map(|(_, vector)| vector.len()).find(|length| *length > 0) else {
            return Ok(items.into_iter().map(|(id, _)| (id, VectorError::Zero)).collect());
        };
        let dimension = self.collections.dimension_or_make(model, expected).await?;
        let (good, refused) = sorted(items, dimension);
        let stored = self.collections.store(&self.collections.alias(model), good).await;
        if matches!(stored, Err(VectorError::Gone(_))) {
            self.collections.forget(model);
        }
        stored?;
        Ok(refused)
    }

    async fn remove(&self, models: Of<'_>, ids: Vec<i64>) -> Result<(), VectorError> {
        if ids.is_empty() {
            return Ok(());
        }
        // By their own names: those that are being built have no alias yet.
        for collection in self.collections.of(models).await? {
            for ids in ids.chunks(ITEMS_AT_ONCE) {
                // Older ones don't know ids by any other means.
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                let filter = format!("{ID} in [{}]", ids.join(","));
                let removed = self
                    .link()
                    .call("delete", PATIENT, async |client| {
                        let request = DeleteRequest::builder().collection_name(&collection).filter(filter);
                        client.delete(request.build()?).await
                    })
                    .await;
                // So have its ids.
                if !matches!(removed, Err(VectorError::Gone(_))) {
                    removed?;
                }
            }
        }
        Ok(())
    }

    async fn search(
        &self,
        model: &str,
        vector: Vec<f32>,
        limit: usize,
    ) -> Result<Vec<(i64, f32)>, VectorError> {
        let began = Instant::now();
        let found = Box::pin(self.search_in(model, &vector, limit.min(SEARCH_MAX))).await;
        metric::SEARCHES.record([metric::outcome(&found)], began.elapsed());
        found
    }

    async fn count(&self, model: &str) -> Result<usize, VectorError> {
        if self.collections.known_dimension(model, PATIENT).await?.is_none() {
            return Ok(0);
        }
        let alias = self.collections.alias(model);
        let counted = self
            .link()
            .call("count", PATIENT, async |client| {
                let request = QueryRequest::builder().collection_name(&alias).output_fields(["count(*)"]);
                client.query(request.consistency_level(ConsistencyLevel::Strong).build()?).await
            })
            .await?;
        Ok(usize::try_from(counted.results().get_row_count()).unwrap_or(usize::MAX))
    }

    async fn ping(&self) -> Result<(), VectorError> {
        self.collections.check(self.timeout).await
    }
}

/// Those that fit, at unit length and each id once, and the others.
fn sorted(items: Vec<(i64, Vec<f32>)>, dimension: usize) -> (Vec<(i64, Vec<f32>)>, Vec<Refused>) {
    let mut good = std::collections::BTreeMap::new();
    let mut refused = Vec::new();
    for (id, vector) in items {
        match unit(vector, dimension) {
            Ok(vector) => drop(good.insert(id, vector)),
            Err(error) => refused.push((id, error)),
        }
    }
    (good.into_iter().collect(), refused)
}

impl Collections {
    /// Stores vectors that fit.
    async fn store(&self, collection: &str, items: Vec<(i64, Vec<f32>)>) -> Result<(), VectorError> {
        for items in items.chunks(ITEMS_AT_ONCE) {
            self.link
                .call("upsert", PATIENT, async |client| {
                    let (ids, vectors) = items.iter().cloned().unzip();
                    let rows = InsertRequest::builder().collection_name(collection).columns(vec![
                        FieldData::Int64 { name: ID.to_owned(), values: ids },
                        FieldData::FloatVector { name: VECTOR.to_owned(), values: vectors },
                    ]);
                    client.upsert(UpsertRequest::builder().insert(rows.build()?).build()?).await
                })
                .await?;
        }
        Ok(())
    }
}
