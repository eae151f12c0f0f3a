//! A new collection in place of the present one, while that one is searched.

use std::{sync::Arc, time::Duration};

use milvus::v2::{
    ClientV2,
    prelude::{DescribeIndexRequest, Error, FlushRequest, IndexStateCode},
};

use super::{
    collections::{Collections, VECTOR},
    failure::Meaning,
    link::PATIENT,
    sorted,
};
use crate::{Refused, VectorError};

/// Searches that have begun before the switch end within this time.
const LAST_SEARCHES: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);
/// To write everything down takes Milvus seconds.
const FLUSH_MAX: Duration = Duration::from_secs(120);

/// A collection that is being built. If it is given up, the next attempt removes it.
pub struct Rebuild {
    collections: Arc<Collections>,
    model: String,
    dimension: usize,
    name: String,
}

impl Rebuild {
    pub(super) async fn begin(
        collections: Arc<Collections>,
        model: &str,
        dimension: usize,
    ) -> Result<Self, VectorError> {
        let (_, left) = collections.present(model).await?;
        for name in left {
            collections.discard(&name).await?;
        }
        let name = collections.make(model, dimension).await?;
        Ok(Self { collections, model: model.to_owned(), dimension, name })
    }

    /// The name of the new collection.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stores vectors in the new collection, and answers those that do not fit.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn add(&self, items: Vec<(i64, Vec<f32>)>) -> Result<Vec<Refused>, VectorError> {
        let (good, refused) = sorted(items, self.dimension);
        self.collections.store(&self.name, good).await?;
        Ok(refused)
    }

    /// Has Milvus build the index of all that was added.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn complete(&self) -> Result<(), VectorError> {
        self.write_down().await?;
        let link = &self.collections.link;
        loop {
            let described = link
                .call("describe_index", PATIENT, async |client| {
                    let request =
                        DescribeIndexRequest::builder().collection_name(&self.name).field_name(VECTOR);
                    client.describe_index(request.build()?).await
                })
                .await?;
            if let Some(index) =
                described.indexes().iter().find(|it| it.get_state() == IndexStateCode::Failed)
            {
                let reason =
                    format!("{}: the index can't be built: {}", self.name, index.get_failure_reason());
                return Err(VectorError::Gone(reason));
            }
            if described.indexes().iter().all(|index| index.get_pending_rows() == 0) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// For half a minute after a data node has ended, Milvus writes nothing down of what was given to that node.
    async fn write_down(&self) -> Result<(), VectorError> {
        let write_down = async |client: ClientV2| {
            let wait = i64::try_from(FLUSH_MAX.as_millis()).unwrap_or(i64::MAX);
            loop {
                let request = FlushRequest::builder().collection_names([&self.name]);
                match client.flush(request.wait_flushed_ms(wait).build()?).await {
                    Err(error @ Error::Server(_)) if Meaning::of(&error) == Meaning::Away => {
                        tokio::time::sleep(PAUSE).await;
                    }
                    answer => return answer.map(drop),
                }
            }
        };
        self.collections.link.call("flush", FLUSH_MAX, write_down).await
    }

    /// Has the new collection searched from now on. What was there before is answered; it is still there.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn switch(&self) -> Result<Option<String>, VectorError> {
        let (before, _) = self.collections.present(&self.model).await?;
        self.collections.point(&self.model, &self.name).await?;
        Ok(before)
    }

    /// Drops what was there before the switch, once nobody uses it any more.
    ///
    /// # Errors
    /// Milvus is away, or refuses.
    pub async fn drop_before(&self, name: &str) -> Result<(), VectorError> {
        tokio::time::sleep(LAST_SEARCHES).await;
        self.collections.discard(name).await
    }
}
