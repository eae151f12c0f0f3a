//! The Thrift service: check the request, call one use case, answer.

use fanone_base::IdGenerator;
use fanone_call::reply;
use fanone_identity::current_user;
use fanone_store::Store;
use volo_gen::fanone::interaction as thrift;
use volo_thrift::ServerError;

use crate::{
    comment::{Comment, Comments},
    input,
    like::Likes,
};

/// Serves likes and comments.
#[derive(Clone)]
pub struct InteractionService {
    likes: Likes,
    comments: Comments,
}

impl InteractionService {
    /// The service on the rows of `store`.
    pub fn new(store: Store) -> Self {
        let ids = IdGenerator::default();
        Self { likes: Likes::new(store.clone(), ids.clone()), comments: Comments::new(store, ids) }
    }
}

impl thrift::InteractionService for InteractionService {
    async fn like(&self, req: thrift::LikeReq) -> Result<thrift::LikeResp, ServerError> {
        let result = async {
            let target = input::target(req.video_id, req.comment_id)?;
            let user = current_user()?;
            if req.on { self.likes.like(user, target).await } else { self.likes.unlike(user, target).await }
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::LikeResp { base })
    }

    async fn list_liked(&self, req: thrift::ListLikedReq) -> Result<thrift::ListLikedResp, ServerError> {
        let result = async {
            let user = input::id("user_id", req.user_id)?;
            self.likes.liked_videos(user, input::page(&req.page)?).await
        };
        let (base, videos) = reply(result.await)?;
        let video_ids = videos.unwrap_or_default().into_iter().map(|id| id.0).collect();
        Ok(thrift::ListLikedResp { base, video_ids })
    }

    async fn publish_comment(
        &self,
        req: thrift::PublishCommentReq,
    ) -> Result<thrift::PublishCommentResp, ServerError> {
        let result = async {
            let target = input::target(req.video_id, req.comment_id)?;
            let content = input::content(req.content.as_bytes())?;
            self.comments.publish(current_user()?, target, content).await
        };
        let (base, comment) = reply(result.await)?;
        Ok(thrift::PublishCommentResp { base, comment: comment.map(to_thrift) })
    }

    async fn list_comments(
        &self,
        req: thrift::ListCommentsReq,
    ) -> Result<thrift::ListCommentsResp, ServerError> {
        let result = async {
            let of = input::target(req.video_id, req.comment_id)?;
            self.comments.list(of, input::page(&req.page)?).await
        };
        let (base, comments) = reply(result.await)?;
        let comments = comments.unwrap_or_default().into_iter().map(to_thrift).collect();
        Ok(thrift::ListCommentsResp { base, comments })
    }

    async fn delete_comment(
        &self,
        req: thrift::DeleteCommentReq,
    ) -> Result<thrift::DeleteCommentResp, ServerError> {
        let result = async {
            let id = input::id("comment_id", req.comment_id)?;
            let video = req.video_id.map(|video| input::id("video_id", video)).transpose()?;
            self.comments.delete(current_user()?, id, video).await
        };
        let (base, _) = reply(result.await)?;
        Ok(thrift::DeleteCommentResp { base })
    }
}

fn to_thrift(comment: Comment) -> thrift::Comment {
    thrift::Comment {
        id: comment.id.0,
        user_id: comment.user.0,
        video_id: comment.video.0,
        parent_id: comment.parent.map(|id| id.0),
        like_count: comment.like_count,
        child_count: comment.child_count,
        content: comment.content.into(),
        created_at: comment.created_at,
        updated_at: comment.updated_at,
        deleted_at: 0,
    }
}

#[cfg(test)]
mod tests;
