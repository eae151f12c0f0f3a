//! The index of vectors: what it can do, and how a URL becomes one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{MemoryIndex, VectorError};

/// The most matches that one search gives.
pub const SEARCH_MAX: usize = 1000;

/// Finds the ids whose vectors point most nearly where a given vector points.
///
/// Vectors may have any length other than zero: they are brought to unit length. The first vector sets the
/// dimension of all. An index can be rebuilt from the database that holds the vectors.
#[async_trait]
pub trait Index: Send + Sync {
    /// Stores the vectors under their ids, in place of those that were there. All or none are stored.
    ///
    /// # Errors
    /// [`VectorError::Dimension`], [`VectorError::NotFinite`], [`VectorError::Zero`], [`VectorError::Full`].
    async fn upsert(&self, items: Vec<(i64, Vec<f32>)>) -> Result<(), VectorError>;

    /// Forgets the ids; unknown ones are fine.
    ///
    /// # Errors
    /// Faults of the index itself.
    async fn remove(&self, ids: Vec<i64>) -> Result<(), VectorError>;

    /// The ids nearest to `vector` with their cosine (-1 to 1), best first, equal ones by id, at most `limit`
    /// and at most [`SEARCH_MAX`].
    ///
    /// # Errors
    /// [`VectorError::Dimension`], [`VectorError::NotFinite`], [`VectorError::Zero`].
    async fn search(&self, vector: Vec<f32>, limit: usize) -> Result<Vec<(i64, f32)>, VectorError>;

    /// How many vectors there are.
    ///
    /// # Errors
    /// Faults of the index itself.
    async fn count(&self) -> Result<usize, VectorError>;
}

/// The index behind `vectors.url`: `memory:` for one in this process.
///
/// # Errors
/// [`VectorError::UnknownUrl`].
pub fn open_index(url: &str) -> Result<Arc<dyn Index>, VectorError> {
    match url {
        "memory:" => Ok(Arc::new(MemoryIndex::default())),
        _ => {
            Err(VectorError::UnknownUrl { setting: "vectors.url", url: url.to_owned(), accepted: "memory:" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_url_is_refused_with_the_accepted_forms() {
        let error = open_index("redis://x").err().unwrap().to_string();
        assert!(error.contains("vectors.url") && error.contains("memory:"), "{error}");
        assert!(open_index("memory:").is_ok());
    }
}
