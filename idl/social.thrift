// Follows, chat and groups.
// "auth": the caller's metadata must carry the access token of the user it acts for.
namespace rs fanone.social
namespace go fanone.social

include "base.thrift"

// That the user exists is for the caller to have checked.
struct FollowReq {
    1: required i64 to_user_id,
    2: required bool on,                // true: follow, false: take it back
}
struct FollowResp { 1: required base.BaseResp base }

struct ListUsersReq {
    1: required i64 user_id,
    2: required base.Page page,
}
struct ListFriendsReq { 1: required base.Page page }
struct ListUsersResp {
    1: required base.BaseResp base,
    2: required list<i64> user_ids,     // latest first
    3: required i64 total,
}

// Times are Unix milliseconds. Exactly one of `to_user_id` and `group_id` is present.
// Within a conversation the order of ids is the order of messages.
struct Message {
    1: required i64 id,
    2: required i64 from_user_id,
    3: optional i64 to_user_id,
    4: optional i64 group_id,
    5: required string content,
    6: required i64 created_at,
}

// Exactly one of `to_user_id` and `group_id`. That the user exists is for the caller to have checked.
// The same `seq` of the same sender in the same conversation stores nothing new and answers the same.
struct SendMessageReq {
    1: optional i64 to_user_id,
    2: optional i64 group_id,
    3: required string content,
    4: optional string seq,
}
struct SendMessageResp {
    1: required base.BaseResp base,
    2: optional Message message,
    3: required list<i64> recipients,   // whom to tell; empty for a repeated `seq`
}

// Exactly one of `user_id` (the other side) and `group_id`; newest first.
struct HistoryReq {
    1: optional i64 user_id,
    2: optional i64 group_id,
    3: required base.Page page,
}
struct HistoryResp {
    1: required base.BaseResp base,
    2: required list<Message> messages,
    3: required i64 total,
}

struct TakeUnreadReq { 1: required i64 user_id }
struct TakeUnreadResp {
    1: required base.BaseResp base,
    2: required list<Message> messages, // newest first, at most 100
}

struct UnreadSummaryReq {}
struct UnreadConversation {
    1: optional i64 user_id,
    2: optional i64 group_id,
    3: required i64 unread,
    4: required Message last,
}
struct UnreadSummaryResp {
    1: required base.BaseResp base,
    2: required list<UnreadConversation> items,
}

// Exactly one of `user_id` and `group_id`: everything up to and with `message_id` is read.
struct MarkReadReq {
    1: optional i64 user_id,
    2: optional i64 group_id,
    3: required i64 message_id,
}
struct MarkReadResp { 1: required base.BaseResp base }

struct Group {
    1: required i64 id,
    2: required string name,
    3: required i64 owner_id,
    4: required i64 member_count,
    5: required i64 created_at,
}
struct CreateGroupReq { 1: required string name }
struct CreateGroupResp {
    1: required base.BaseResp base,
    2: optional Group group,
}
struct JoinGroupReq { 1: required i64 group_id }
struct JoinGroupResp { 1: required base.BaseResp base }
struct LeaveGroupReq { 1: required i64 group_id }
struct LeaveGroupResp { 1: required base.BaseResp base }
struct ListGroupsReq { 1: required base.Page page }
struct ListGroupsResp {
    1: required base.BaseResp base,
    2: required list<Group> groups,
    3: required i64 total,
}
struct ListMembersReq {
    1: required i64 group_id,
    2: required base.Page page,
}

service SocialService {
    // auth
    FollowResp Follow(1: FollowReq req)
    ListUsersResp ListFollowing(1: ListUsersReq req)
    ListUsersResp ListFollowers(1: ListUsersReq req)
    // auth. Those who follow each other.
    ListUsersResp ListFriends(1: ListFriendsReq req)
    // auth
    SendMessageResp SendMessage(1: SendMessageReq req)
    // auth
    HistoryResp History(1: HistoryReq req)
    // auth. The unread messages of a private conversation, which are then read.
    TakeUnreadResp TakeUnread(1: TakeUnreadReq req)
    // auth
    UnreadSummaryResp UnreadSummary(1: UnreadSummaryReq req)
    // auth
    MarkReadResp MarkRead(1: MarkReadReq req)
    // auth
    CreateGroupResp CreateGroup(1: CreateGroupReq req)
    // auth
    JoinGroupResp JoinGroup(1: JoinGroupReq req)
    // auth
    LeaveGroupResp LeaveGroup(1: LeaveGroupReq req)
    // auth. The caller's groups.
    ListGroupsResp ListGroups(1: ListGroupsReq req)
    // auth. Members only.
    ListUsersResp ListMembers(1: ListMembersReq req)
}
