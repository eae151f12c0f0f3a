//! The table of likes.

use fanone_base::{Id, Page};
use fanone_store::{Reader, StoreError, Tx, inserted};
use sea_orm::{QueryOrder, QuerySelect, Set, entity::prelude::*};

use crate::like::Target;

const VIDEO: i32 = 1;
const COMMENT: i32 = 2;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "likes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    user_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    kind: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    target_id: i64,
    id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

fn columns(target: Target) -> (i32, i64) {
    match target {
        Target::Video(id) => (VIDEO, id.0),
        Target::Comment(id) => (COMMENT, id.0),
    }
}

/// The row of a like, to be inserted.
pub(super) fn row(id: Id, user: Id, target: Target) -> ActiveModel {
    let (kind, target_id) = columns(target);
    ActiveModel { user_id: Set(user.0), kind: Set(kind), target_id: Set(target_id), id: Set(id.0) }
}

/// Adds a like; false if it is there already.
pub(crate) async fn insert(tx: &Tx, id: Id, user: Id, target: Target) -> Result<bool, StoreError> {
    inserted(Entity::insert(row(id, user, target)).exec_without_returning(tx).await)
}

/// Removes a like; false if there is none.
pub(crate) async fn delete(tx: &Tx, user: Id, target: Target) -> Result<bool, StoreError> {
    let (kind, target_id) = columns(target);
    let deleted = Entity::delete_by_id((user.0, kind, target_id)).exec(tx).await?;
    Ok(deleted.rows_affected > 0)
}

/// The videos that `user` likes, latest like first.
pub(crate) async fn liked_videos(connection: &Reader, user: Id, page: Page) -> Result<Vec<Id>, StoreError> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::TargetId)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Kind.eq(VIDEO))
        .order_by_desc(Column::Id)
        .offset(page.offset())
        .limit(page.limit())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().map(Id).collect())
}
