//! The Thrift service: check the request, call one use case, answer.

use fanone_base::{Id, IdGenerator};
use fanone_call::reply;
use fanone_config::Chat as ChatSettings;
use fanone_identity::current_user;
use fanone_store::Store;
use volo_gen::fanone::social as thrift;
use volo_thrift::ServerError;

use crate::{
    chat::{Chat, Draft},
    follow::{Follows, Users},
    group::Groups,
    input,
};

mod convert;

use convert::{conversation_to_thrift, group_to_thrift, message_to_thrift, total_to_thrift};

/// Serves follows, chat and groups.
#[derive(Clone)]
pub struct SocialService {
    follows: Follows,
    chat: Chat,
    groups: Groups,
    content_max_chars: usize,
}

impl SocialService {
    /// The service on the rows of `store`, with the limits of `settings`.
    pub fn new(store: Store, settings: &ChatSettings) -> Self {
        let ids = IdGenerator::default();
        Self {
            follows: Follows::new(store.clone(), ids.clone()),
            chat: Chat::new(store.clone(), ids.clone()),
            groups: Groups::new(store, ids, settings.group_members_max),
            content_max_chars: settings.content_max_chars,
        }
    }
}

impl thrift::SocialService for SocialService {
    async fn follow(&self, req: thrift::FollowReq) -> Result<thrift::FollowResp, ServerError> {
        let result = async {
            let (from, to) = (current_user()?, input::id("to_user_id", req.to_user_id)?);
            if req.on { self.follows.follow(from, to).await } else { self.follows.unfollow(from, to).await }
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::FollowResp { base })
    }

    async fn list_following(&self, req: thrift::ListUsersReq) -> Result<thrift::ListUsersResp, ServerError> {
        let result = async {
            let user = input::id("user_id", req.user_id)?;
            self.follows.following(user, input::page(&req.page)?).await
        };
        users(reply(result.await)?)
    }

    async fn list_followers(&self, req: thrift::ListUsersReq) -> Result<thrift::ListUsersResp, ServerError> {
        let result = async {
            let user = input::id("user_id", req.user_id)?;
            self.follows.followers(user, input::page(&req.page)?).await
        };
        users(reply(result.await)?)
    }

    async fn list_friends(&self, req: thrift::ListFriendsReq) -> Result<thrift::ListUsersResp, ServerError> {
        let result = async { self.follows.friends(current_user()?, input::page(&req.page)?).await };
        users(reply(result.await)?)
    }

    async fn send_message(
        &self,
        req: thrift::SendMessageReq,
    ) -> Result<thrift::SendMessageResp, ServerError> {
        let result = async {
            let draft = Draft {
                from: current_user()?,
                to: input::peer("to_user_id", req.to_user_id, req.group_id)?,
                content: input::content(req.content.as_bytes(), self.content_max_chars)?,
                seq: input::seq(req.seq.as_ref().map(|seq| seq.as_bytes()))?,
            };
            self.chat.send(draft).await
        };
        let (base, sent) = reply(result.await)?;
        let (message, recipients) = sent.map(|sent| (sent.message, sent.recipients)).unzip();
        Ok(thrift::SendMessageResp {
            base,
            message: message.map(message_to_thrift),
            recipients: numbers(recipients.unwrap_or_default()),
        })
    }

    async fn history(&self, req: thrift::HistoryReq) -> Result<thrift::HistoryResp, ServerError> {
        let result = async {
            let peer = input::peer("user_id", req.user_id, req.group_id)?;
            self.chat.history(current_user()?, peer, input::page(&req.page)?).await
        };
        let (base, history) = reply(result.await)?;
        let history = history.unwrap_or_default();
        let messages = history.messages.into_iter().map(message_to_thrift).collect();
        Ok(thrift::HistoryResp { base, messages, total: history.total })
    }

    async fn take_unread(&self, req: thrift::TakeUnreadReq) -> Result<thrift::TakeUnreadResp, ServerError> {
        let result = async {
            let other = input::id("user_id", req.user_id)?;
            self.chat.take_unread(current_user()?, other).await
        };
        let (base, messages) = reply(result.await)?;
        let messages = messages.unwrap_or_default().into_iter().map(message_to_thrift).collect();
        Ok(thrift::TakeUnreadResp { base, messages })
    }

    async fn unread_summary(
        &self,
        _req: thrift::UnreadSummaryReq,
    ) -> Result<thrift::UnreadSummaryResp, ServerError> {
        let result = async { self.chat.unread_summary(current_user()?).await };
        let (base, items) = reply(result.await)?;
        let items = items.unwrap_or_default().into_iter().map(conversation_to_thrift).collect();
        Ok(thrift::UnreadSummaryResp { base, items })
    }

    async fn mark_read(&self, req: thrift::MarkReadReq) -> Result<thrift::MarkReadResp, ServerError> {
        let result = async {
            let peer = input::peer("user_id", req.user_id, req.group_id)?;
            let message = input::id("message_id", req.message_id)?;
            self.chat.mark_read(current_user()?, peer, message).await
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::MarkReadResp { base })
    }

    async fn create_group(
        &self,
        req: thrift::CreateGroupReq,
    ) -> Result<thrift::CreateGroupResp, ServerError> {
        let result = async {
            let name = input::group_name(req.name.as_bytes())?;
            self.groups.create(current_user()?, name).await
        };
        let (base, group) = reply(result.await)?;
        Ok(thrift::CreateGroupResp { base, group: group.map(group_to_thrift) })
    }

    async fn join_group(&self, req: thrift::JoinGroupReq) -> Result<thrift::JoinGroupResp, ServerError> {
        let result = async {
            let group = input::id("group_id", req.group_id)?;
            self.groups.join(current_user()?, group).await
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::JoinGroupResp { base })
    }

    async fn leave_group(&self, req: thrift::LeaveGroupReq) -> Result<thrift::LeaveGroupResp, ServerError> {
        let result = async {
            let group = input::id("group_id", req.group_id)?;
            self.groups.leave(current_user()?, group).await
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::LeaveGroupResp { base })
    }

    async fn list_groups(&self, req: thrift::ListGroupsReq) -> Result<thrift::ListGroupsResp, ServerError> {
        let result = async { self.groups.of_user(current_user()?, input::page(&req.page)?).await };
        let (base, list) = reply(result.await)?;
        let (groups, total) = list.unwrap_or_default();
        let groups = groups.into_iter().map(group_to_thrift).collect();
        Ok(thrift::ListGroupsResp { base, groups, total: total_to_thrift(total) })
    }

    async fn list_members(&self, req: thrift::ListMembersReq) -> Result<thrift::ListUsersResp, ServerError> {
        let result = async {
            let group = input::id("group_id", req.group_id)?;
            self.groups.members(current_user()?, group, input::page(&req.page)?).await
        };
        users(reply(result.await)?)
    }
}

fn users(
    (base, users): (volo_gen::fanone::base::BaseResp, Option<Users>),
) -> Result<thrift::ListUsersResp, ServerError> {
    let users = users.unwrap_or_default();
    Ok(thrift::ListUsersResp { base, user_ids: numbers(users.ids), total: total_to_thrift(users.total) })
}

fn numbers(ids: Vec<Id>) -> Vec<i64> {
    ids.into_iter().map(|id| id.0).collect()
}

#[cfg(test)]
mod tests;
