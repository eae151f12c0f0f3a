//! How an index that all processes share hears of pictures: from the outbox, with each transaction that changes a row.
//!
//! An event says only which row to look at. So it does not matter how often or how late it comes: what the row says then is
//! stored in the index, and if it has gone, so has the vector.

use std::collections::{BTreeSet, HashSet};

use fanone_base::Id;
use fanone_store::{
    Shard, StoreError,
    outbox::{self, Batch, DeliverError},
};
use fanone_vectors::Of;
use futures::future::try_join_all;

use crate::{
    error::UserError,
    pictures::Pictures,
    store::{Feed, INDEX},
};

/// Pictures at a time: their vectors are in memory.
const CHUNK: usize = 500;
const BATCH_MAX: u32 = 1000;

/// Brings what has changed in a shard to the index, in batches of at most `limit` events.
pub(crate) async fn deliver(
    shard: Shard,
    pictures: Pictures,
    limit: u32,
) -> Result<(), DeliverError<UserError>> {
    outbox::deliver(&shard, INDEX, limit.min(BATCH_MAX), |batch| take(&pictures, batch)).await?;
    Ok(())
}

/// Whether the index knows all that is in the table.
pub(crate) async fn is_delivered(pictures: &Pictures) -> Result<bool, StoreError> {
    if pictures.store.feed == Feed::Table {
        return Ok(true);
    }
    let asked = pictures.store.shards().iter().map(|shard| outbox::is_empty(shard, INDEX));
    Ok(try_join_all(asked).await?.into_iter().all(|empty| empty))
}

async fn take(pictures: &Pictures, batch: Batch) -> Result<(), UserError> {
    let ids: BTreeSet<Id> = batch.events.iter().map(|event| event.entity).collect();
    let ids: Vec<Id> = ids.into_iter().collect();
    for ids in ids.chunks(CHUNK) {
        let mut rows = pictures.store.find(ids).await?;
        rows.retain(|row| !row.vector.is_empty());
        let described: HashSet<i64> = rows.iter().map(|row| row.id).collect();
        let gone = ids.iter().map(|id| id.0).filter(|id| !described.contains(id)).collect();
        pictures.store_vectors(rows).await?;
        pictures.index.remove(Of::All, gone).await?;
    }
    Ok(())
}
