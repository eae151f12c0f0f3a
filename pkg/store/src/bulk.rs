//! Many rows at once.

use std::sync::Arc;

use fanone_base::Bucket;
use futures::future::try_join_all;
use sea_orm::{ActiveModelTrait, EntityTrait};

use crate::{Store, StoreError};

/// Rows in one statement: with the widest table still far fewer values than every database takes.
const CHUNK: usize = 500;

/// Inserts rows, each into the shard of its bucket, the shards side by side. Every chunk of them is stored by itself: if
/// this fails, some are stored and some are not.
pub async fn insert<A>(store: &Store, rows: Vec<(Bucket, A)>) -> Result<(), StoreError>
where
    A: ActiveModelTrait + Send + Sync + 'static,
{
    let mut writes = Vec::new();
    for (shard, rows) in store.by_shard(rows, |(bucket, _)| *bucket) {
        for chunk in rows.chunks(CHUNK) {
            let rows: Arc<[A]> = chunk.iter().map(|(_, row)| row.clone()).collect();
            writes.push(shard.write(move |tx| {
                let rows = rows.to_vec();
                Box::pin(async move {
                    A::Entity::insert_many(rows).exec_without_returning(tx).await?;
                    Ok::<(), StoreError>(())
                })
            }));
        }
    }
    try_join_all(writes).await?;
    Ok(())
}
