//! Sending a message: stored once, counted as unread by the others, in one transaction.

use std::sync::Arc;

use fanone_base::{Bucket, Id, IdGenerator, InvalidField, time};
use fanone_store::{StoreError, Tx};

use super::{Chat, Ends, Message, Peer, lock};
use crate::{
    error::SocialError,
    store::{
        conversations::{self, Conversation},
        members, messages,
    },
};

/// The distance of one id to the next in the same bucket.
const NEXT_ID: i64 = Bucket::COUNT as i64;

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) from: Id,
    pub(crate) to: Peer,
    pub(crate) content: String,
    /// The sender's own name of it: within a conversation it is stored once.
    pub(crate) seq: Option<Vec<u8>>,
}

/// A message that is stored, and whom to tell: nobody if it was stored before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) message: Message,
    pub(crate) recipients: Vec<Id>,
}

impl Chat {
    /// Stores a message. Only members may send to a group.
    pub(crate) async fn send(&self, draft: Draft) -> Result<Sent, SocialError> {
        if draft.to == Peer::User(draft.from) {
            return Err(InvalidField::new("to_user_id", "must be another user").into());
        }
        let shard = self.store.shard(Ends::of(draft.from, draft.to).bucket());
        let (ids, draft) = (self.ids.clone(), Arc::new(draft));
        shard
            .write(move |tx| {
                let (ids, draft) = (ids.clone(), Arc::clone(&draft));
                Box::pin(async move { store(tx, &ids, &draft).await })
            })
            .await
    }
}

async fn store(tx: &Tx, ids: &IdGenerator, draft: &Draft) -> Result<Sent, SocialError> {
    let conversation = match lock(tx, draft.from, draft.to).await? {
        Some((conversation, _)) => conversation,
        None => begin(tx, ids, draft.from, draft.to).await?,
    };
    if let Some(seq) = &draft.seq
        && let Some(row) = messages::find_sent(tx, conversation.id, draft.from, seq).await?
    {
        return Ok(Sent { message: Message::of(row, draft.from, draft.to), recipients: Vec::new() });
    }
    // The clock of another replica may be ahead: an id must still be above the one before.
    let fresh = ids.next(conversation.id.bucket());
    let row = messages::Model {
        conversation_id: conversation.id.0,
        id: fresh.0.max(conversation.last_message.0 + NEXT_ID),
        from_user_id: draft.from.0,
        seq: draft.seq.clone(),
        content: draft.content.clone(),
        created_at: time::now_ms(),
    };
    messages::insert(tx, row.clone()).await?;
    conversations::add_message(tx, conversation.id, Id(row.id)).await?;
    members::add_unread(tx, conversation.id, draft.from, Id(row.id)).await?;
    let recipients = match draft.to {
        Peer::User(other) => vec![other],
        Peer::Group(_) => members::others(tx, conversation.id, draft.from).await?,
    };
    Ok(Sent { message: Message::of(row, draft.from, draft.to), recipients })
}

/// Makes the conversation of two users who have never talked.
async fn begin(tx: &Tx, ids: &IdGenerator, user: Id, peer: Peer) -> Result<Conversation, SocialError> {
    let ends = Ends::of(user, peer);
    let id = ids.next(ends.bucket());
    if conversations::insert(tx, id, ends).await? {
        for (one, other) in [(ends.low, ends.high), (ends.high, ends.low)] {
            members::insert(tx, id, one, Peer::User(other), id, Id(0)).await?;
        }
    }
    // If the other one began at the same moment on another replica, there is theirs.
    let made = conversations::lock(tx, ends).await?;
    Ok(made.ok_or(StoreError::GivenUp("the new conversation has no free id"))?)
}
