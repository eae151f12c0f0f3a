//! What a user has not read yet.

use std::cmp::Reverse;

use fanone_base::Id;
use fanone_store::Tx;
use futures::future::try_join_all;

use super::{Chat, Ends, Message, Peer, lock};
use crate::{
    error::SocialError,
    store::{
        conversations::Conversation,
        members::{self, Member},
        messages,
    },
};

/// Messages that are taken at once.
const TAKEN_MAX: u64 = 100;
/// Conversations in a summary.
const SUMMARY_MAX: u32 = 200;

/// A conversation with something unread in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnreadConversation {
    pub(crate) peer: Peer,
    pub(crate) unread: i64,
    /// The latest message, by whomever.
    pub(crate) last: Message,
}

impl Chat {
    /// The newest 100 messages that `user` has not read of `other`, newest first. After that, all
    /// of them count as read, also those that were too many; the history has them.
    pub(crate) async fn take_unread(&self, user: Id, other: Id) -> Result<Vec<Message>, SocialError> {
        let peer = Peer::User(other);
        self.store
            .shard(Ends::of(user, peer).bucket())
            .write(move |tx| {
                Box::pin(async move {
                    let Some((conversation, member)) = lock(tx, user, peer).await? else {
                        return Ok(Vec::new());
                    };
                    if member.unread == 0 {
                        return Ok(Vec::new());
                    }
                    let rows =
                        messages::unread(tx, conversation.id, user, member.last_read, TAKEN_MAX).await?;
                    let last = conversation.last_message;
                    members::set_read(tx, conversation.id, user, last, 0, last).await?;
                    Ok(rows.into_iter().map(|row| Message::of(row, user, peer)).collect())
                })
            })
            .await
    }

    /// The conversations in which `user` has unread messages, latest message first, at most 200.
    pub(crate) async fn unread_summary(&self, user: Id) -> Result<Vec<UnreadConversation>, SocialError> {
        let parts =
            self.store.shards().iter().map(|shard| members::unread(shard.read(), user, SUMMARY_MAX.into()));
        let mut all: Vec<_> = try_join_all(parts).await?.into_iter().flatten().collect();
        all.sort_unstable_by_key(|conversation| Reverse(conversation.last.id));
        all.truncate(SUMMARY_MAX as usize);
        Ok(all)
    }

    /// `user` has read everything up to and with `message`. Going back is not possible.
    pub(crate) async fn mark_read(&self, user: Id, peer: Peer, message: Id) -> Result<(), SocialError> {
        self.store
            .shard(Ends::of(user, peer).bucket())
            .write(move |tx| {
                Box::pin(async move {
                    let Some((conversation, member)) = lock(tx, user, peer).await? else {
                        return Err(SocialError::MessageNotFound);
                    };
                    if !messages::exists(tx, conversation.id, message).await? {
                        return Err(SocialError::MessageNotFound);
                    }
                    if message > member.last_read {
                        let last = conversation.last_message;
                        let left = left_after(tx, conversation, member, user, message).await?;
                        members::set_read(tx, conversation.id, user, message, left, last).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// How much `user` has not read when everything up to `message` is read. Counted are those that are read now, so that
/// each message is counted once, however many are left.
async fn left_after(
    tx: &Tx,
    conversation: Conversation,
    member: Member,
    user: Id,
    message: Id,
) -> Result<i64, SocialError> {
    if message >= conversation.last_message {
        return Ok(0);
    }
    let read = messages::count_unread(tx, conversation.id, user, member.last_read, message).await?;
    Ok(member.unread.saturating_sub_unsigned(read).max(0))
}
