//! The table of follows.

use fanone_base::Id;
use fanone_store::{Reader, StoreError, Tx, inserted};
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Set, entity::prelude::*};

/// Ids named in one statement: below what every database takes.
const CHUNK: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "follows")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    from_user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    to_user_id: i64,
    id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds a follow; false if it is there already.
pub(crate) async fn insert(tx: &Tx, id: Id, from: Id, to: Id) -> Result<bool, StoreError> {
    let row = ActiveModel { from_user_id: Set(from.0), to_user_id: Set(to.0), id: Set(id.0) };
    inserted(Entity::insert(row).exec_without_returning(tx).await)
}

/// Removes a follow; false if there is none.
pub(crate) async fn delete(tx: &Tx, from: Id, to: Id) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id((from.0, to.0)).exec(tx).await?.rows_affected > 0)
}

/// How many `user` follows.
pub(crate) async fn count_following(connection: &impl ConnectionTrait, user: Id) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::FromUserId.eq(user.0)).count(connection).await?)
}

/// The same; waits for those who are just about to change it.
pub(crate) async fn count_following_locked(tx: &Tx, user: Id) -> Result<u64, StoreError> {
    let select = Entity::find().select_only().column_as(Column::ToUserId.count(), "count").lock_exclusive();
    let count = select.filter(Column::FromUserId.eq(user.0)).into_tuple::<i64>().one(tx).await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// How many of this shard follow `user`.
pub(crate) async fn count_followers(connection: &Reader, user: Id) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::ToUserId.eq(user.0)).count(connection).await?)
}

/// Whom `user` follows, latest first.
pub(crate) async fn following(
    connection: &Reader,
    user: Id,
    offset: u64,
    limit: u64,
) -> Result<Vec<Id>, StoreError> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::ToUserId)
        .filter(Column::FromUserId.eq(user.0))
        .order_by_desc(Column::Id)
        .offset(offset)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().map(Id).collect())
}

/// Who follows `user`, of this shard, latest first: what orders them, and who.
pub(crate) async fn followers(
    connection: &Reader,
    user: Id,
    offset: u64,
    limit: u64,
) -> Result<Vec<(Id, Id)>, StoreError> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::FromUserId])
        .filter(Column::ToUserId.eq(user.0))
        .order_by_desc(Column::Id)
        .offset(offset)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|(id, from)| (Id(id), Id(from))).collect())
}

/// Those of `candidates` who follow `user`.
pub(crate) async fn who_follow(
    connection: &Reader,
    user: Id,
    candidates: &[Id],
) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    for chunk in candidates.chunks(CHUNK) {
        let ids: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::FromUserId)
            .filter(Column::FromUserId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::ToUserId.eq(user.0))
            .into_tuple()
            .all(connection)
            .await?;
        found.extend(ids.into_iter().map(Id));
    }
    Ok(found)
}
