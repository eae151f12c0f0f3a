//! The table of videos.

use std::collections::HashMap;

use fanone_base::Id;
use fanone_store::{Store, StoreError, Tx, inserted};
use futures::future::try_join_all;
use sea_orm::{ExprTrait, QuerySelect, Set, entity::prelude::*};

use super::CHUNK;
use crate::video::Video;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "videos")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    user_id: i64,
    video_key: String,
    cover_key: String,
    title: String,
    description: String,
    visit_count: i64,
    like_count: i64,
    comment_count: i64,
    created_at: i64,
    updated_at: i64,
    deleted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Video {
    fn from(row: Model) -> Self {
        Self {
            id: Id(row.id),
            user: Id(row.user_id),
            video_key: row.video_key,
            cover_key: row.cover_key,
            title: row.title,
            description: row.description,
            visit_count: row.visit_count,
            like_count: row.like_count,
            comment_count: row.comment_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// The row of a video, to be inserted.
pub(super) fn row(video: &Video) -> ActiveModel {
    ActiveModel {
        id: Set(video.id.0),
        user_id: Set(video.user.0),
        video_key: Set(video.video_key.clone()),
        cover_key: Set(video.cover_key.clone()),
        title: Set(video.title.clone()),
        description: Set(video.description.clone()),
        visit_count: Set(video.visit_count),
        like_count: Set(video.like_count),
        comment_count: Set(video.comment_count),
        created_at: Set(video.created_at),
        updated_at: Set(video.updated_at),
        deleted_at: Set(video.deleted_at),
    }
}

/// Adds a video; false if its id or its key is in use.
pub(crate) async fn insert(tx: &Tx, video: &Video) -> Result<bool, StoreError> {
    inserted(Entity::insert(row(video)).exec_without_returning(tx).await)
}

/// The video with this id, live or not.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Id) -> Result<Option<Video>, StoreError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(Video::from))
}

/// The video of this file, live or not. Locked, so that one published a moment ago is seen too.
pub(crate) async fn lock_by_key(tx: &Tx, key: &str) -> Result<Option<Video>, StoreError> {
    let row = Entity::find().filter(Column::VideoKey.eq(key)).lock_exclusive().one(tx).await?;
    Ok(row.map(Video::from))
}

/// The live videos among `ids`, in any order: one statement in each shard that has some of them.
pub(crate) async fn find_live(store: &Store, ids: &[Id]) -> Result<Vec<Video>, StoreError> {
    let reads = store.by_shard(ids, |id| id.bucket()).into_iter().map(|(shard, ids)| {
        let these = Column::Id.is_in(ids.iter().map(|id| id.0));
        Entity::find().filter(these).filter(Column::DeletedAt.eq(0)).all(shard.read())
    });
    let rows = try_join_all(reads).await?;
    Ok(rows.into_iter().flatten().map(Video::from).collect())
}

/// Whether there is a live video with this id.
pub(crate) async fn is_live(db: &impl ConnectionTrait, id: Id) -> Result<bool, StoreError> {
    let live = Entity::find_by_id(id.0).filter(Column::DeletedAt.eq(0)).select_only().column(Column::Id);
    Ok(live.into_tuple::<i64>().one(db).await?.is_some())
}

/// Counts one more visit to a live video; false if it is not live.
pub(crate) async fn add_visit(tx: &Tx, id: Id) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::VisitCount, Expr::col(Column::VisitCount).add(1))
        .filter(Column::Id.eq(id.0))
        .filter(Column::DeletedAt.eq(0));
    Ok(update.exec(tx).await?.rows_affected > 0)
}

/// Moves the counts of a video, live or not; answers whether it is live.
pub(crate) async fn add_counts(tx: &Tx, id: Id, likes: i64, comments: i64) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::LikeCount, Expr::col(Column::LikeCount).add(likes))
        .col_expr(Column::CommentCount, Expr::col(Column::CommentCount).add(comments))
        .filter(Column::Id.eq(id.0));
    let live = update.clone().filter(Column::DeletedAt.eq(0)).exec(tx).await?.rows_affected > 0;
    if !live {
        update.exec(tx).await?;
    }
    Ok(live)
}

/// The authors of `ids`, by video.
pub(crate) async fn authors(tx: &Tx, ids: &[Id]) -> Result<HashMap<Id, Id>, StoreError> {
    let mut authors = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<(i64, i64)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::UserId])
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        authors.extend(rows.into_iter().map(|(video, author)| (Id(video), Id(author))));
    }
    Ok(authors)
}

/// Deletes a live video of `user` at `now`; false if there is none.
pub(crate) async fn mark_deleted(tx: &Tx, id: Id, user: Id, now: i64) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.0))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::DeletedAt.eq(0));
    Ok(update.exec(tx).await?.rows_affected > 0)
}
