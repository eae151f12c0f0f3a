//! The table of recent visits: which viewer was last counted for which video, and when.

use fanone_store::{Shard, StoreError, Tx, inserted};
use sea_orm::{QueryOrder, QuerySelect, Set, entity::prelude::*};

use super::CHUNK;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "visits")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    counted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// When visit `id` last counted.
pub(crate) async fn last(db: &impl ConnectionTrait, id: i64) -> Result<Option<i64>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?.map(|row| row.counted_at))
}

/// Counts visit `id` at `now` unless it counted after `before`; answers whether it does.
pub(crate) async fn claim(tx: &Tx, id: i64, now: i64, before: i64) -> Result<bool, StoreError> {
    let again = Entity::update_many()
        .col_expr(Column::CountedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::CountedAt.lte(before));
    if again.exec(tx).await?.rows_affected > 0 {
        return Ok(true);
    }
    let row = ActiveModel { id: Set(id), counted_at: Set(now) };
    inserted(Entity::insert(row).exec_without_returning(tx).await)
}

/// Removes the visits that last counted before `before`, some at a time.
pub(crate) async fn purge(shard: &Shard, before: i64) -> Result<(), StoreError> {
    loop {
        let ids: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::CountedAt.lt(before))
            .order_by_asc(Column::CountedAt)
            .limit(CHUNK as u64)
            .into_tuple()
            .all(shard.read())
            .await?;
        let last = ids.len() < CHUNK;
        shard.write_idempotent(move |tx| Box::pin(delete(tx, ids.clone(), before))).await?;
        if last {
            return Ok(());
        }
    }
}

/// One that has counted again meanwhile stays.
async fn delete(tx: &Tx, ids: Vec<i64>, before: i64) -> Result<(), StoreError> {
    if !ids.is_empty() {
        let old = Entity::delete_many().filter(Column::Id.is_in(ids)).filter(Column::CountedAt.lt(before));
        old.exec(tx).await?;
    }
    Ok(())
}
