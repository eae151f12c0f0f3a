//! The table of comments.

use fanone_base::{Id, Page};
use fanone_store::{Reader, StoreError, Tx};
use sea_orm::{ExprTrait, QueryOrder, QuerySelect, Set, entity::prelude::*};

use crate::comment::Comment;

/// Ids named in one statement: below what every database takes.
const CHUNK: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "comments")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    video_id: i64,
    parent_id: i64,
    depth: i32,
    user_id: i64,
    content: String,
    like_count: i64,
    child_count: i64,
    created_at: i64,
    updated_at: i64,
    deleted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Comment {
    fn from(row: Model) -> Self {
        Self {
            id: Id(row.id),
            video: Id(row.video_id),
            parent: (row.parent_id != 0).then_some(Id(row.parent_id)),
            depth: row.depth,
            user: Id(row.user_id),
            content: row.content,
            like_count: row.like_count,
            child_count: row.child_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The live comment `id`.
pub(crate) async fn find(connection: &Reader, id: Id) -> Result<Option<Comment>, StoreError> {
    let row = Entity::find_by_id(id.0).filter(Column::DeletedAt.eq(0)).one(connection).await?;
    Ok(row.map(Comment::from))
}

/// Live comments of a video, top-level ones or the replies to `parent`, newest first.
pub(crate) async fn list(
    connection: &Reader,
    video: Id,
    parent: Option<Id>,
    page: Page,
) -> Result<Vec<Comment>, StoreError> {
    let rows = Entity::find()
        .filter(Column::VideoId.eq(video.0))
        .filter(Column::ParentId.eq(parent.map_or(0, |id| id.0)))
        .filter(Column::DeletedAt.eq(0))
        .order_by_desc(Column::Id)
        .offset(page.offset())
        .limit(page.limit())
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(Comment::from).collect())
}

/// The row of a live comment, to be inserted.
pub(super) fn row(comment: &Comment) -> ActiveModel {
    ActiveModel {
        id: Set(comment.id.0),
        video_id: Set(comment.video.0),
        parent_id: Set(comment.parent.map_or(0, |id| id.0)),
        depth: Set(comment.depth),
        user_id: Set(comment.user.0),
        content: Set(comment.content.clone()),
        like_count: Set(comment.like_count),
        child_count: Set(comment.child_count),
        created_at: Set(comment.created_at),
        updated_at: Set(comment.updated_at),
        deleted_at: Set(0),
    }
}

/// Adds a comment. Its id must be new.
pub(crate) async fn insert(tx: &Tx, comment: &Comment) -> Result<(), StoreError> {
    Entity::insert(row(comment)).exec_without_returning(tx).await?;
    Ok(())
}

/// Counts `delta` more replies to a live comment; false if it is not live.
pub(crate) async fn add_replies(tx: &Tx, id: Id, delta: i64) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::ChildCount, Expr::col(Column::ChildCount).add(delta))
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.eq(0));
    Ok(update.exec(tx).await?.rows_affected > 0)
}

/// Counts `delta` more likes of a comment, live or not.
pub(crate) async fn add_likes(tx: &Tx, id: Id, delta: i64) -> Result<(), StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::LikeCount, Expr::col(Column::LikeCount).add(delta))
        .filter(Column::Id.eq(id.0));
    update.exec(tx).await?;
    Ok(())
}

/// Deletes those of `ids` that are live at `now`, and answers how many that were.
pub(crate) async fn delete(tx: &Tx, ids: &[Id], now: i64) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for chunk in ids.chunks(CHUNK) {
        let update = Entity::update_many()
            .col_expr(Column::DeletedAt, Expr::value(now))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::DeletedAt.eq(0));
        deleted += update.exec(tx).await?.rows_affected;
    }
    Ok(deleted)
}

/// The live replies to `parents`, all of them comments of `video`. Locked, so that what was written
/// a moment ago is seen too.
pub(crate) async fn replies(tx: &Tx, video: Id, parents: &[Id]) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    for chunk in parents.chunks(CHUNK) {
        let ids: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::VideoId.eq(video.0))
            .filter(Column::ParentId.is_in(chunk.iter().map(|id| id.0)))
            .filter(Column::DeletedAt.eq(0))
            .lock_exclusive()
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(ids.into_iter().map(Id));
    }
    Ok(found)
}
