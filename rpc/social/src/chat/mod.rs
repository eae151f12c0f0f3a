//! Conversations: between two users, or in a group. Whatever changes one begins by locking it, so
//! the order of its messages' ids is the order in which they were stored.

mod history;
mod send;
mod unread;

use fanone_base::{Bucket, Id, IdGenerator};
use fanone_store::{Store, Tx};
use sea_orm::ConnectionTrait;

pub(crate) use send::Draft;
pub(crate) use unread::UnreadConversation;

use crate::{
    error::SocialError,
    store::{
        conversations::{self, Conversation},
        groups,
        members::{self, Member},
        messages,
    },
};

/// The other end of a conversation, seen from one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    User(Id),
    Group(Id),
}

impl Peer {
    /// Who received what `from` said in the conversation of `user` with this peer.
    pub(crate) fn receiver(self, user: Id, from: Id) -> Self {
        match self {
            Self::User(_) if from != user => Self::User(user),
            _ => self,
        }
    }
}

/// What names a conversation: two users, smaller id first, or 0 and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) low: Id,
    pub(crate) high: Id,
}

impl Ends {
    /// The ends of the conversation of `user` with `peer`.
    pub(crate) fn of(user: Id, peer: Peer) -> Self {
        match peer {
            Peer::User(other) => Self { low: user.min(other), high: user.max(other) },
            Peer::Group(group) => Self { low: Id(0), high: group },
        }
    }

    /// Where the conversation lives.
    pub(crate) fn bucket(self) -> Bucket {
        if self.low == Id(0) { self.high.bucket() } else { self.low.bucket() }
    }
}

/// A message that is stored. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: Id,
    pub(crate) from: Id,
    pub(crate) to: Peer,
    pub(crate) content: String,
    pub(crate) created_at: i64,
}

impl Message {
    /// The message of a row in the conversation of `user` with `peer`.
    fn of(row: messages::Model, user: Id, peer: Peer) -> Self {
        let from = Id(row.from_user_id);
        Self {
            id: Id(row.id),
            from,
            to: peer.receiver(user, from),
            content: row.content,
            created_at: row.created_at,
        }
    }
}

/// The use cases around messages.
#[derive(Clone)]
pub(crate) struct Chat {
    store: Store,
    ids: IdGenerator,
}

impl Chat {
    pub(crate) fn new(store: Store, ids: IdGenerator) -> Self {
        Self { store, ids }
    }
}

/// The conversation of `user` with `peer`; none if the two have never talked.
pub(crate) async fn open(
    connection: &impl ConnectionTrait,
    user: Id,
    peer: Peer,
) -> Result<Option<(Conversation, Member)>, SocialError> {
    let found = conversations::find(connection, Ends::of(user, peer)).await?;
    admit(connection, user, peer, found).await
}

/// The same, locked until the transaction ends.
pub(crate) async fn lock(
    tx: &Tx,
    user: Id,
    peer: Peer,
) -> Result<Option<(Conversation, Member)>, SocialError> {
    let found = conversations::lock(tx, Ends::of(user, peer)).await?;
    admit(tx, user, peer, found).await
}

/// Lets a user into their private conversations and into the groups they are members of.
async fn admit(
    connection: &impl ConnectionTrait,
    user: Id,
    peer: Peer,
    found: Option<Conversation>,
) -> Result<Option<(Conversation, Member)>, SocialError> {
    if let Some(conversation) = found
        && let Some(member) = members::find(connection, conversation.id, user).await?
    {
        return Ok(Some((conversation, member)));
    }
    match peer {
        Peer::User(_) => Ok(None),
        Peer::Group(id) if groups::find(connection, id).await?.is_some() => Err(SocialError::NotAMember),
        Peer::Group(_) => Err(SocialError::GroupNotFound),
    }
}

#[cfg(test)]
mod tests;
