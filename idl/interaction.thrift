// Likes and comments.
// "auth": the caller's metadata must carry the access token of the user it acts for.
namespace rs fanone.interaction
namespace go fanone.interaction

include "base.thrift"

// Times are Unix milliseconds; `deleted_at` 0 means not deleted.
struct Comment {
    1: required i64 id,
    2: required i64 user_id,
    3: required i64 video_id,
    4: optional i64 parent_id,          // absent at top level
    5: required i64 like_count,
    6: required i64 child_count,        // direct replies
    7: required string content,
    8: required i64 created_at,
    9: required i64 updated_at,
    10: required i64 deleted_at,
}

// Exactly one of the two ids. That the video exists is for the caller to have checked.
struct LikeReq {
    1: optional i64 video_id,
    2: optional i64 comment_id,
    3: required bool on,                // true: like, false: take it back
}
struct LikeResp { 1: required base.BaseResp base }

struct ListLikedReq {
    1: required i64 user_id,
    2: required base.Page page,
}
struct ListLikedResp {
    1: required base.BaseResp base,
    2: required list<i64> video_ids,    // latest like first
}

// Exactly one of the two ids. That the video exists is for the caller to have checked.
struct PublishCommentReq {
    1: optional i64 video_id,
    2: optional i64 comment_id,         // the comment that this answers
    3: required string content,
}
struct PublishCommentResp {
    1: required base.BaseResp base,
    2: optional Comment comment,
}

// Exactly one of the two ids: a video's top-level comments, or a comment's direct replies; newest first.
struct ListCommentsReq {
    1: optional i64 video_id,
    2: optional i64 comment_id,
    3: required base.Page page,
}
struct ListCommentsResp {
    1: required base.BaseResp base,
    2: required list<Comment> comments,
}

struct DeleteCommentReq {
    1: required i64 comment_id,
    2: optional i64 video_id,           // if sent, must be the comment's
}
struct DeleteCommentResp { 1: required base.BaseResp base }

service InteractionService {
    // auth
    LikeResp Like(1: LikeReq req)
    ListLikedResp ListLiked(1: ListLikedReq req)
    // auth
    PublishCommentResp PublishComment(1: PublishCommentReq req)
    ListCommentsResp ListComments(1: ListCommentsReq req)
    // auth. The author only; the replies go with it.
    DeleteCommentResp DeleteComment(1: DeleteCommentReq req)
}
