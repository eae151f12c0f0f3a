//! Chat groups: made, joined, left and listed. What is said in them: `chat`.

use fanone_base::{Bucket, Id, IdGenerator, Page, time};
use fanone_store::{Store, StoreError, Tx};
use futures::future::try_join_all;

use crate::{
    chat::{self, Ends, Peer},
    error::SocialError,
    follow::Users,
    store::{conversations, groups, members},
};

/// A group that has members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) owner: Id,
    pub(crate) member_count: i64,
    /// Unix milliseconds.
    pub(crate) created_at: i64,
}

/// The use cases around groups.
#[derive(Clone)]
pub(crate) struct Groups {
    store: Store,
    ids: IdGenerator,
    members_max: u32,
}

impl Groups {
    /// Groups of at most `members_max` members.
    pub(crate) fn new(store: Store, ids: IdGenerator, members_max: u32) -> Self {
        Self { store, ids, members_max }
    }

    /// Makes a group whose owner and only member is `owner`.
    pub(crate) async fn create(&self, owner: Id, name: String) -> Result<Group, SocialError> {
        let id = self.ids.next(Bucket::random());
        let group = Group { id, name, owner, member_count: 1, created_at: time::now_ms() };
        self.store
            .shard(id.bucket())
            .write(move |tx| {
                let group = group.clone();
                Box::pin(async move {
                    let peer = Peer::Group(id);
                    if !conversations::insert(tx, id, Ends::of(owner, peer)).await? {
                        return Err(StoreError::GivenUp("the id of the new group is taken").into());
                    }
                    groups::insert(tx, &group).await?;
                    members::insert(tx, id, owner, peer, id, Id(0)).await?;
                    Ok(group)
                })
            })
            .await
    }

    /// Makes `user` a member; who is one already stays one. What was said before counts as read.
    pub(crate) async fn join(&self, user: Id, group: Id) -> Result<(), SocialError> {
        let (order, members_max) = (self.ids.next(group.bucket()), self.members_max);
        self.store
            .shard(group.bucket())
            .write(move |tx| Box::pin(add_member(tx, user, group, order, members_max)))
            .await
    }

    /// Ends the membership of `user`. The group of an owner who leaves goes to the member who
    /// joined first; a group without members is gone.
    pub(crate) async fn leave(&self, user: Id, group: Id) -> Result<(), SocialError> {
        let now = time::now_ms();
        self.store.shard(group.bucket()).write(move |tx| Box::pin(remove_member(tx, user, group, now))).await
    }

    /// The groups of `user`, joined last first, and how many they are. They may be in any shard.
    pub(crate) async fn of_user(&self, user: Id, page: Page) -> Result<(Vec<Group>, u64), SocialError> {
        let shards = self.store.shards();
        let counts = shards.iter().map(|shard| groups::count_of_user(shard.read(), user));
        let total: u64 = try_join_all(counts).await?.into_iter().sum();
        if page.offset() >= total {
            return Ok((Vec::new(), total));
        }
        let first = page.offset() + page.limit();
        let parts = shards.iter().map(|shard| groups::of_user(shard.read(), user, first));
        let mut rows: Vec<(Id, Group)> = try_join_all(parts).await?.into_iter().flatten().collect();
        rows.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        Ok((page.cut(rows).into_iter().map(|(_, group)| group).collect(), total))
    }

    /// The members of a group, joined last first, for one of them.
    pub(crate) async fn members(&self, user: Id, group: Id, page: Page) -> Result<Users, SocialError> {
        let connection = self.store.shard(group.bucket()).read();
        chat::open(connection, user, Peer::Group(group)).await?;
        let found = groups::find(connection, group).await?.ok_or(SocialError::GroupNotFound)?;
        let ids = members::list(connection, group, page).await?;
        Ok(Users { ids, total: found.member_count.unsigned_abs() })
    }
}

async fn add_member(tx: &Tx, user: Id, id: Id, order: Id, members_max: u32) -> Result<(), SocialError> {
    let peer = Peer::Group(id);
    let conversation = conversations::lock(tx, Ends::of(user, peer)).await?;
    let (Some(conversation), Some(mut group)) = (conversation, groups::find(tx, id).await?) else {
        return Err(SocialError::GroupNotFound);
    };
    if members::find(tx, id, user).await?.is_some() {
        return Ok(());
    }
    if group.member_count >= i64::from(members_max) {
        return Err(SocialError::GroupFull);
    }
    members::insert(tx, id, user, peer, order, conversation.last_message).await?;
    group.member_count += 1;
    Ok(groups::update(tx, &group).await?)
}

async fn remove_member(tx: &Tx, user: Id, id: Id, now: i64) -> Result<(), SocialError> {
    chat::lock(tx, user, Peer::Group(id)).await?;
    let mut group = groups::find(tx, id).await?.ok_or(SocialError::GroupNotFound)?;
    members::delete(tx, id, user).await?;
    let Some(oldest) = members::oldest(tx, id).await? else {
        return Ok(groups::delete(tx, id, now).await?);
    };
    if group.owner == user {
        group.owner = oldest;
    }
    group.member_count -= 1;
    Ok(groups::update(tx, &group).await?)
}

#[cfg(test)]
mod tests;
