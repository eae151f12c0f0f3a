//! Domain types as the IDL has them.

use volo_gen::fanone::social as thrift;

use crate::{
    chat::{Message, Peer, UnreadConversation},
    group::Group,
};

/// The ids of a user and of a group, of which there is one.
fn split(peer: Peer) -> (Option<i64>, Option<i64>) {
    match peer {
        Peer::User(id) => (Some(id.0), None),
        Peer::Group(id) => (None, Some(id.0)),
    }
}

pub(super) fn message_to_thrift(message: Message) -> thrift::Message {
    let (to_user_id, group_id) = split(message.to);
    thrift::Message {
        id: message.id.0,
        from_user_id: message.from.0,
        to_user_id,
        group_id,
        content: message.content.into(),
        created_at: message.created_at,
    }
}

pub(super) fn conversation_to_thrift(conversation: UnreadConversation) -> thrift::UnreadConversation {
    let (user_id, group_id) = split(conversation.peer);
    thrift::UnreadConversation {
        user_id,
        group_id,
        unread: conversation.unread,
        last: message_to_thrift(conversation.last),
    }
}

pub(super) fn group_to_thrift(group: Group) -> thrift::Group {
    thrift::Group {
        id: group.id.0,
        name: group.name.into(),
        owner_id: group.owner.0,
        member_count: group.member_count,
        created_at: group.created_at,
    }
}

pub(super) fn total_to_thrift(total: u64) -> i64 {
    i64::try_from(total).unwrap_or(i64::MAX)
}
