//! What was said, page by page.

use fanone_base::{Id, Page};

use super::{Chat, Ends, Message, Peer, open};
use crate::{error::SocialError, store::messages};

/// A page of messages, newest first, and how many the conversation has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) messages: Vec<Message>,
    pub(crate) total: i64,
}

impl Chat {
    /// What `user` and `peer` said, newest first. Members read the whole history of a group.
    pub(crate) async fn history(&self, user: Id, peer: Peer, page: Page) -> Result<History, SocialError> {
        let connection = self.store.shard(Ends::of(user, peer).bucket()).read();
        let Some((conversation, _)) = open(connection, user, peer).await? else {
            return Ok(History::default());
        };
        let rows = messages::list(connection, conversation.id, page).await?;
        let messages = rows.into_iter().map(|row| Message::of(row, user, peer)).collect();
        Ok(History { messages, total: conversation.message_count })
    }
}
