//! Likes of videos and comments. A like lives in its user's shard; only one that truly comes or goes
//! sends an event to the number it changes.

use fanone_base::{Id, IdGenerator, Page};
use fanone_store::Store;

use crate::{
    counters,
    error::InteractionError,
    store::{comments, likes},
};

/// What can be liked and commented on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Video(Id),
    Comment(Id),
}

/// The use cases around likes.
#[derive(Clone)]
pub(crate) struct Likes {
    store: Store,
    ids: IdGenerator,
}

impl Likes {
    pub(crate) fn new(store: Store, ids: IdGenerator) -> Self {
        Self { store, ids }
    }

    /// Makes `user` like `target`, which must be there; if it already does, nothing changes.
    pub(crate) async fn like(&self, user: Id, target: Target) -> Result<(), InteractionError> {
        if let Target::Comment(id) = target {
            let shard = self.store.shard(id.bucket());
            comments::find(shard.read(), id).await?.ok_or(InteractionError::CommentNotFound)?;
        }
        let id = self.ids.next(user.bucket());
        self.store
            .shard(user.bucket())
            .write(move |tx| {
                Box::pin(async move {
                    if likes::insert(tx, id, user, target).await? {
                        counters::record_likes(tx, target, 1).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Takes the like back, even if its target is gone; if there is none, nothing changes.
    pub(crate) async fn unlike(&self, user: Id, target: Target) -> Result<(), InteractionError> {
        self.store
            .shard(user.bucket())
            .write(move |tx| {
                Box::pin(async move {
                    if likes::delete(tx, user, target).await? {
                        counters::record_likes(tx, target, -1).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// The videos that `user` likes, latest like first.
    pub(crate) async fn liked_videos(&self, user: Id, page: Page) -> Result<Vec<Id>, InteractionError> {
        Ok(likes::liked_videos(self.store.shard(user.bucket()).read(), user, page).await?)
    }
}

#[cfg(test)]
mod tests;
