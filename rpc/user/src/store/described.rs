//! Which pictures a model has described, and what it says of those that it had not.

use std::sync::Arc;

use fanone_base::{Id, time};
use fanone_store::{Shard, StoreError, Tx};
use sea_orm::{QueryOrder as _, QuerySelect as _, entity::prelude::*, sea_query::ExprTrait as _};

use super::pictures::{Column, Entity, Feed, Picture};

/// The pictures of a shard that `model` has not described, with their media keys; at most `limit`.
pub(crate) async fn undescribed(
    shard: &Shard,
    model: &str,
    limit: u64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let query = Entity::find().select_only().columns([Column::Id, Column::MediaKey]);
    // Two ranges of the index, in its order: what is not equal would be looked for everywhere.
    let query = query.filter(Column::Model.lt(model).or(Column::Model.gt(model))).order_by_asc(Column::Model);
    Ok(query.limit(limit).into_tuple().all(shard.read()).await?)
}

/// Whether each picture of a shard that any model has described has been described by `model`.
pub(crate) async fn is_complete(shard: &Shard, model: &str) -> Result<bool, StoreError> {
    let described = Column::Model.gt("").and(Column::Model.lt(model)).or(Column::Model.gt(model));
    let query = Entity::find().select_only().column(Column::Id).filter(described).limit(1);
    Ok(query.into_tuple::<i64>().one(shard.read()).await?.is_none())
}

/// Gives pictures of a shard their vectors of `model`. Answers those that are still there and had none of it.
pub(crate) async fn describe(
    shard: &Shard,
    feed: Feed,
    model: Arc<str>,
    vectors: Arc<Vec<(Id, Vec<u8>)>>,
) -> Result<Vec<Picture>, StoreError> {
    shard
        .write(move |tx| {
            let (model, vectors) = (Arc::clone(&model), Arc::clone(&vectors));
            Box::pin(async move { describe_here(tx, feed, &model, &vectors).await })
        })
        .await
}

async fn describe_here(
    tx: &Tx,
    feed: Feed,
    model: &str,
    vectors: &[(Id, Vec<u8>)],
) -> Result<Vec<Picture>, StoreError> {
    let now = time::now_ms();
    let ids = vectors.iter().map(|(id, _)| id.0);
    // In the order of the ids: changes that cross cannot block each other.
    let rows = Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id).all(tx).await?;
    let mut described = Vec::new();
    for row in rows.into_iter().filter(|row| row.model != model) {
        let Some((id, vector)) = vectors.iter().find(|(id, _)| id.0 == row.id) else { continue };
        let changed = Entity::update_many()
            .col_expr(Column::Vector, Expr::value(vector.clone()))
            .col_expr(Column::Model, Expr::value(model))
            .col_expr(Column::CreatedAt, Expr::value(now))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Model.ne(model))
            .exec(tx)
            .await?;
        if changed.rows_affected > 0 {
            described.push(Picture {
                vector: vector.clone(),
                model: model.to_owned(),
                created_at: now,
                ..row
            });
        }
    }
    let ids: Vec<i64> = described.iter().map(|row| row.id).collect();
    feed.changed(tx, &ids).await?;
    Ok(described)
}
