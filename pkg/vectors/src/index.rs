//! The index of vectors: what it can do, and how a URL becomes one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use fanone_config::VectorsUrl;
use fanone_telemetry::names;

use crate::{MemoryIndex, MilvusIndex, VectorError};

/// The most matches that one search gives.
pub const SEARCH_MAX: usize = 1000;

/// A vector that can't be stored, and why.
pub type Refused = (i64, VectorError);

/// Of which models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// Of all.
    All,
    /// Of this one.
    Only(&'a str),
}

/// Finds the ids whose vectors point most nearly where a given vector points.
///
/// Vectors of different models can't be compared, so there is one index for each model, made when its first vector comes.
/// That one sets the dimension of all. Vectors may have any length other than zero: only their direction counts. An index can
/// be rebuilt from the database that holds the vectors.
#[async_trait]
pub trait Index: Send + Sync {
    /// Whether all processes have the same one, which outlives them; otherwise each has its own, empty at the start.
    fn is_shared(&self) -> bool;

    /// Stores those vectors that fit under their ids, in place of those that were there, and answers the others.
    ///
    /// # Errors
    /// None is stored, or only some.
    async fn upsert(&self, model: &str, items: Vec<(i64, Vec<f32>)>) -> Result<Vec<Refused>, VectorError>;

    /// Forgets ids; unknown ones are fine.
    ///
    /// # Errors
    /// Not all are forgotten.
    async fn remove(&self, models: Of<'_>, ids: Vec<i64>) -> Result<(), VectorError>;

    /// The ids nearest to `vector` with their cosine (-1 to 1), best first, equal ones by id, at most `limit`
    /// and at most [`SEARCH_MAX`]; none if there are no vectors of this model.
    ///
    /// # Errors
    /// [`VectorError::Dimension`], [`VectorError::NotFinite`], [`VectorError::Zero`]; those of a server.
    async fn search(
        &self,
        model: &str,
        vector: Vec<f32>,
        limit: usize,
    ) -> Result<Vec<(i64, f32)>, VectorError>;

    /// How many vectors of a model there are.
    ///
    /// # Errors
    /// Those of a server.
    async fn count(&self, model: &str) -> Result<usize, VectorError>;

    /// Whether it can be searched, and if not, why.
    ///
    /// # Errors
    /// Those of a server.
    async fn ping(&self) -> Result<(), VectorError>;
}

/// The index behind `vectors.url`. Nothing is connected yet. `timeout` is that of a search on a server.
#[must_use]
pub fn open_index(url: &VectorsUrl, timeout: Duration) -> Arc<dyn Index> {
    metrics::gauge!(names::VECTORS_AWAY).set(0.0);
    match url {
        VectorsUrl::Memory => Arc::new(MemoryIndex::default()),
        VectorsUrl::Milvus(url) => Arc::new(MilvusIndex::new(url, timeout)),
    }
}

/// The vector at unit length, checked.
pub(crate) fn unit(mut vector: Vec<f32>, expected: usize) -> Result<Vec<f32>, VectorError> {
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
