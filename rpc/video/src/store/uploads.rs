//! The table of resumable uploads.

use fanone_base::Id;
use fanone_store::{Shard, StoreError, Tx};
use sea_orm::{QueryOrder, QuerySelect, Set, entity::prelude::*};

use super::CHUNK;
use crate::uploads::{File, Upload};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "uploads")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    user_id: i64,
    length: i64,
    title: String,
    description: String,
    filename: String,
    created_at: i64,
    expires_at: i64,
    video_id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Upload {
    fn from(row: Model) -> Self {
        Self {
            id: Id(row.id),
            user: Id(row.user_id),
            file: File {
                length: row.length,
                title: row.title,
                description: row.description,
                filename: row.filename,
            },
            created_at: row.created_at,
            expires_at: row.expires_at,
            video: (row.video_id != 0).then_some(Id(row.video_id)),
        }
    }
}

/// Adds an upload. Its id must be new.
pub(crate) async fn insert(tx: &Tx, upload: &Upload) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(upload.id.0),
        user_id: Set(upload.user.0),
        length: Set(upload.file.length),
        title: Set(upload.file.title.clone()),
        description: Set(upload.file.description.clone()),
        filename: Set(upload.file.filename.clone()),
        created_at: Set(upload.created_at),
        expires_at: Set(upload.expires_at),
        video_id: Set(upload.video.map_or(0, |id| id.0)),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The upload with this id, whatever has become of it.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Id) -> Result<Option<Upload>, StoreError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(Upload::from))
}

/// The same, and nobody else may publish it before this transaction ends.
pub(crate) async fn lock(tx: &Tx, id: Id) -> Result<Option<Upload>, StoreError> {
    Ok(Entity::find_by_id(id.0).lock_exclusive().one(tx).await?.map(Upload::from))
}

/// How many uploads `user` has begun after `time`. Locked: where there are some already, nobody else begins one for this
/// user before this transaction ends.
pub(crate) async fn count_since(tx: &Tx, user: Id, time: i64) -> Result<u64, StoreError> {
    let select = Entity::find().select_only().column_as(Column::Id.count(), "count").lock_exclusive();
    let begun = select.filter(Column::UserId.eq(user.0)).filter(Column::CreatedAt.gt(time));
    Ok(begun.into_tuple::<i64>().one(tx).await?.unwrap_or_default().unsigned_abs())
}

/// The upload has become a video.
pub(crate) async fn set_video(tx: &Tx, id: Id, video: Id) -> Result<(), StoreError> {
    let update =
        Entity::update_many().col_expr(Column::VideoId, Expr::value(video.0)).filter(Column::Id.eq(id.0));
    update.exec(tx).await?;
    Ok(())
}

/// Ends an upload of `user` that lives at `now` and has not become a video; false if there is none.
pub(crate) async fn end(tx: &Tx, id: Id, user: Id, now: i64) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(0))
        .filter(Column::Id.eq(id.0))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Column::VideoId.eq(0));
    Ok(update.exec(tx).await?.rows_affected > 0)
}

/// Removes the uploads that were begun before `begun` and have expired before `expired`, some at a time.
pub(crate) async fn purge(shard: &Shard, begun: i64, expired: i64) -> Result<(), StoreError> {
    loop {
        let ids: Vec<i64> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::CreatedAt.lt(begun))
            .filter(Column::ExpiresAt.lt(expired))
            .order_by_asc(Column::CreatedAt)
            .limit(CHUNK as u64)
            .into_tuple()
            .all(shard.read())
            .await?;
        let last = ids.len() < CHUNK;
        shard.write_idempotent(move |tx| Box::pin(delete(tx, ids.clone()))).await?;
        if last {
            return Ok(());
        }
    }
}

async fn delete(tx: &Tx, ids: Vec<i64>) -> Result<(), StoreError> {
    if !ids.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(ids)).exec(tx).await?;
    }
    Ok(())
}
