//! Follows, and the lists made of them. A follow lives in the shard of the one who follows; only
//! one that truly comes or goes sends events to the numbers it changes.

use std::collections::HashSet;

use fanone_base::{Id, IdGenerator, InvalidField, Page};
use fanone_store::Store;
use futures::future::try_join_all;

use crate::{counters::record_follow, error::SocialError, store::follows};

/// How many one user may follow.
pub(crate) const FOLLOWING_MAX: u64 = 5000;
/// Follows of one user that may be under way at the same time and not see each other. So close to the limit they are
/// counted one after the other.
const AT_ONCE: u64 = 100;
/// A list out of several shards ends here, so that a far page does not make each of them give all its rows.
const MERGED_MAX: u64 = 100_000;

/// A page of a list of users, and how many the whole list has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Users {
    pub(crate) ids: Vec<Id>,
    pub(crate) total: u64,
}

/// The use cases around follows.
#[derive(Clone)]
pub(crate) struct Follows {
    store: Store,
    ids: IdGenerator,
}

impl Follows {
    pub(crate) fn new(store: Store, ids: IdGenerator) -> Self {
        Self { store, ids }
    }

    /// Makes `from` follow `to`; if it already does, nothing changes.
    pub(crate) async fn follow(&self, from: Id, to: Id) -> Result<(), SocialError> {
        if from == to {
            return Err(InvalidField::new("to_user_id", "must be another user").into());
        }
        let id = self.ids.next(from.bucket());
        self.store
            .shard(from.bucket())
            .write_idempotent(move |tx| {
                Box::pin(async move {
                    if !follows::insert(tx, id, from, to).await? {
                        return Ok(());
                    }
                    // Looked at afterwards: it costs only those who follow somebody new.
                    let mut count = follows::count_following(tx, from).await?;
                    if count > FOLLOWING_MAX - AT_ONCE {
                        count = follows::count_following_locked(tx, from).await?;
                    }
                    if count > FOLLOWING_MAX {
                        return Err(SocialError::FollowsTooMany);
                    }
                    Ok(record_follow(tx, from, to, 1).await?)
                })
            })
            .await
    }

    /// Takes the follow back; if there is none, nothing changes.
    pub(crate) async fn unfollow(&self, from: Id, to: Id) -> Result<(), SocialError> {
        if from == to {
            return Err(InvalidField::new("to_user_id", "must be another user").into());
        }
        self.store
            .shard(from.bucket())
            .write_idempotent(move |tx| {
                Box::pin(async move {
                    if follows::delete(tx, from, to).await? {
                        record_follow(tx, from, to, -1).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Whom `user` follows, latest first.
    pub(crate) async fn following(&self, user: Id, page: Page) -> Result<Users, SocialError> {
        let connection = self.store.shard(user.bucket()).read();
        let total = follows::count_following(connection, user).await?;
        let ids = follows::following(connection, user, page.offset(), page.limit()).await?;
        Ok(Users { ids, total })
    }

    /// Who follows `user`, latest first. Their rows may be in any shard.
    pub(crate) async fn followers(&self, user: Id, page: Page) -> Result<Users, SocialError> {
        let shards = self.store.shards();
        let counts = shards.iter().map(|shard| follows::count_followers(shard.read(), user));
        let total: u64 = try_join_all(counts).await?.into_iter().sum();
        if page.offset() >= total.min(MERGED_MAX) {
            return Ok(Users { ids: Vec::new(), total });
        }
        if let [only] = shards {
            let rows = follows::followers(only.read(), user, page.offset(), page.limit()).await?;
            return Ok(Users { ids: rows.into_iter().map(|(_, from)| from).collect(), total });
        }
        let first = page.offset() + page.limit();
        let parts = shards.iter().map(|shard| follows::followers(shard.read(), user, 0, first));
        let mut rows: Vec<(Id, Id)> = try_join_all(parts).await?.into_iter().flatten().collect();
        rows.sort_unstable_by(|left, right| right.cmp(left));
        let ids = page.cut(rows).into_iter().map(|(_, from)| from).collect();
        Ok(Users { ids, total })
    }

    /// Those whom `user` follows and who follow back, in the order of [`Follows::following`].
    pub(crate) async fn friends(&self, user: Id, page: Page) -> Result<Users, SocialError> {
        let connection = self.store.shard(user.bucket()).read();
        let mut ids = follows::following(connection, user, 0, FOLLOWING_MAX).await?;
        let candidates = self.store.by_shard(ids.iter().copied(), |id| id.bucket());
        let parts =
            candidates.iter().map(|(shard, candidates)| follows::who_follow(shard.read(), user, candidates));
        let back: HashSet<Id> = try_join_all(parts).await?.into_iter().flatten().collect();
        ids.retain(|id| back.contains(id));
        let total = ids.len() as u64;
        Ok(Users { ids: page.cut(ids), total })
    }
}

#[cfg(test)]
mod tests;
