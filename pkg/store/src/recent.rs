//! What was read a moment ago, until the next write.
//!
//! Everybody asks for the same first page. Between two commits of a shard its rows cannot change, so
//! the rows of a hot read are kept under the version of the shard at which they were read; the next
//! commit makes a new version, and with it the kept rows unreachable. Reads of the same rows at the
//! same version wait for one statement. While the version can't be known nothing is kept.

use std::{hash::Hash, sync::Arc, time::Duration};

use moka::future::Cache;

use crate::StoreError;

/// Kept reads.
const KEPT_MAX: u64 = 2000;
/// The age at which rows are read again whatever the version says.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Rows by what was asked for. Cheap to clone.
#[derive(Clone)]
pub struct Recent<K, T> {
    kept: Cache<(u64, K), Arc<[T]>>,
}

impl<K, T> Default for Recent<K, T>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self { kept: Cache::builder().max_capacity(KEPT_MAX).time_to_live(AGE_MAX).build() }
    }
}

impl<K, T> Recent<K, T>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The rows of `read`, which was or will be run while the shards it reads are at `version`
    /// ([`Shard::version`](crate::Shard::version), [`Store::version`](crate::Store::version)).
    pub async fn get(
        &self,
        version: Option<u64>,
        key: K,
        read: impl Future<Output = Result<Vec<T>, StoreError>>,
    ) -> Result<Vec<T>, StoreError> {
        let Some(version) = version else { return Box::pin(read).await };
        let read = async { read.await.map(Arc::from) };
        // Boxed: the future is large, and it is a part of every caller's.
        match Box::pin(self.kept.try_get_with((version, key), read)).await {
            Ok(rows) => Ok(rows.to_vec()),
            Err(error) => Err((*error).clone()),
        }
    }
}
