//! The table of the picture library: avatars and covers with their vectors.

use fanone_base::Id;
use fanone_store::{OutboxEvent, Shard, Store, StoreError, Tx, outbox};
use futures::future::try_join_all;
use sea_orm::{
    ActiveValue::Set,
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict},
};

use super::accounts;

/// A picture of the library.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "picture")]
pub(crate) struct Model {
    /// An avatar's own, or the video's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) media_key: String,
    pub(crate) user_id: i64,
    /// 0 for an avatar.
    pub(crate) video_id: i64,
    /// 32-bit floats, little endian; empty: none yet.
    pub(crate) vector: Vec<u8>,
    /// What made the vector.
    pub(crate) model: String,
    /// When the row was written.
    pub(crate) created_at: i64,
}

pub(crate) use Model as Picture;

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The destination of the outbox by which an index hears of changed pictures that all processes share.
pub(crate) const INDEX: &str = "vectors";
/// The one kind of event that goes there: look at the picture's row.
const CHANGED: i32 = 1;

/// How the index of vectors follows the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Each process has one, and looks into the table.
    Table,
    /// All processes have the same. Each change leaves an event in the outbox.
    Outbox,
}

impl Feed {
    /// Has the index hear of pictures that are written or deleted in this transaction. Whatever changes a row of the
    /// table calls this.
    pub(super) async fn changed(self, tx: &Tx, ids: &[i64]) -> Result<(), StoreError> {
        match self {
            Self::Table => Ok(()),
            Self::Outbox => {
                // As counters: all changes of a row are one event of a batch, and their order does not matter.
                let events: Vec<OutboxEvent> =
                    ids.iter().map(|id| OutboxEvent::counter(CHANGED, Id(*id), 1)).collect();
                outbox::record(tx, INDEX, &events).await
            }
        }
    }
}

/// Pictures, each in its user's bucket.
#[derive(Clone)]
pub(crate) struct PictureStore {
    pub(crate) store: Store,
    pub(crate) feed: Feed,
}

impl PictureStore {
    /// Stores an avatar in place of the user's last, and answers that one: its picture's id (0: none)
    /// and media key. None for an unknown user.
    pub(crate) async fn replace_avatar(&self, picture: Picture) -> Result<Option<(i64, String)>, StoreError> {
        let (shard, feed) = (self.store.shard(Id(picture.id).bucket()), self.feed);
        shard.write(move |tx| Box::pin(replace_avatar(tx, feed, picture.clone()))).await
    }

    /// The pictures with these ids, in no order.
    pub(crate) async fn find(&self, ids: &[Id]) -> Result<Vec<Picture>, StoreError> {
        let reads = self.store.by_shard(ids, |id| id.bucket()).into_iter().map(|(shard, ids)| {
            Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(shard.read())
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    /// The ids by their shards.
    pub(crate) fn by_shard(&self, ids: &[Id]) -> Vec<(&Shard, Vec<Id>)> {
        let shards = self.store.by_shard(ids, |id| id.bucket());
        shards.into_iter().map(|(shard, ids)| (shard, ids.into_iter().copied().collect())).collect()
    }

    /// All shards, to be read by [`Pages`].
    pub(crate) fn shards(&self) -> &[Shard] {
        self.store.shards()
    }
}

/// Rows in a page.
const PAGE_ROWS: u64 = 500;
/// A row that another process writes now may bear a time that lies so far back: its transaction takes a while, and
/// clocks differ.
const BEHIND_MS: i64 = 20_000;

/// The pictures of a shard, page after page.
pub(crate) struct Pages<'a> {
    shard: &'a Shard,
    place: Place,
}

/// Behind what the next page begins.
enum Place {
    Id(i64),
    Time { since: i64, after: Option<(i64, Id)> },
}

impl<'a> Pages<'a> {
    /// All of them, in the order of their ids.
    pub(crate) fn all(shard: &'a Shard) -> Self {
        Self { shard, place: Place::Id(0) }
    }

    /// Those that were written at `since` (Unix milliseconds) or later, and some from before, in the order in which they were
    /// written.
    pub(crate) fn written_since(shard: &'a Shard, since: i64) -> Self {
        Self { shard, place: Place::Time { since: since - BEHIND_MS, after: None } }
    }

    /// The next page; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Picture>>, StoreError> {
        let page = match self.place {
            Place::Id(last) => page_after(self.shard, last, PAGE_ROWS).await?,
            Place::Time { since, after } => changed_since(self.shard, since, after, PAGE_ROWS).await?,
        };
        let Some(last) = page.last() else { return Ok(None) };
        match &mut self.place {
            Place::Id(id) => *id = last.id,
            Place::Time { after, .. } => *after = Some((last.created_at, Id(last.id))),
        }
        Ok(Some(page))
    }
}

/// The pictures of a shard with the least ids above `id`, at most `limit`, in order.
async fn page_after(shard: &Shard, id: i64, limit: u64) -> Result<Vec<Picture>, StoreError> {
    let query = Entity::find().filter(Column::Id.gt(id)).order_by_asc(Column::Id).limit(limit);
    Ok(query.all(shard.read()).await?)
}

/// The pictures of a shard that were written at `since` (Unix milliseconds) or later, at most `limit`, in the order in
/// which they were written; only those behind `after`, a time and an id.
async fn changed_since(
    shard: &Shard,
    since: i64,
    after: Option<(i64, Id)>,
    limit: u64,
) -> Result<Vec<Picture>, StoreError> {
    let start = after.map_or(since, |(time, _)| time);
    let mut query = Entity::find().filter(Column::CreatedAt.gte(start));
    if let Some((time, id)) = after {
        query = query.filter(Column::CreatedAt.gt(time).or(Column::Id.gt(id.0)));
    }
    let query = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit);
    Ok(query.all(shard.read()).await?)
}

/// How many pictures a shard has.
pub(crate) async fn count(shard: &Shard) -> Result<u64, StoreError> {
    let query = Entity::find().select_only().column_as(Column::Id.count(), "pictures");
    let count: Option<i64> = query.into_tuple().one(shard.read()).await?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

async fn replace_avatar(tx: &Tx, feed: Feed, picture: Picture) -> Result<Option<(i64, String)>, StoreError> {
    let (user, id, now) = (Id(picture.user_id), Id(picture.id), picture.created_at);
    let Some(previous) = accounts::set_avatar(tx, user, id, &picture.media_key, now).await? else {
        return Ok(None);
    };
    if previous.0 != 0 {
        remove(tx, feed, previous.0).await?;
    }
    feed.changed(tx, &[picture.id]).await?;
    Entity::insert(picture.into_row()).exec_without_returning(tx).await?;
    Ok(Some(previous))
}

/// Stores a picture in place of the one with its id.
pub(super) async fn put(tx: &Tx, feed: Feed, picture: Picture) -> Result<(), StoreError> {
    feed.changed(tx, &[picture.id]).await?;
    let columns =
        [Column::MediaKey, Column::UserId, Column::VideoId, Column::Vector, Column::Model, Column::CreatedAt];
    let replace = OnConflict::column(Column::Id).update_columns(columns).to_owned();
    Entity::insert(picture.into_row()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets a picture; an unknown one is fine.
pub(super) async fn remove(tx: &Tx, feed: Feed, id: i64) -> Result<(), StoreError> {
    feed.changed(tx, &[id]).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

impl Picture {
    fn into_row(self) -> ActiveModel {
        ActiveModel {
            id: Set(self.id),
            media_key: Set(self.media_key),
            user_id: Set(self.user_id),
            video_id: Set(self.video_id),
            vector: Set(self.vector),
            model: Set(self.model),
            created_at: Set(self.created_at),
        }
    }
}
