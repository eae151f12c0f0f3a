//! Comments.

use fanone_base::{Id, InvalidField, Page};
use utoipa::ToSchema;
use volo_gen::fanone::interaction::{DeleteCommentReq, ListCommentsReq, PublishCommentReq};

use crate::{
    calls,
    compose::{existence, video::wire},
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Either, Fields, FromFields, Input, Login},
    objects::{Comment, Items},
    openapi::{PageNum, PageSize},
    refusal::Refusal,
    state::App,
};

#[derive(Debug, ToSchema)]
#[schema(as = NewComment)]
pub(crate) struct Publish {
    /// Exactly one of `video_id` and `comment_id`.
    #[schema(value_type = String, required = false)]
    video_id: Option<Id>,
    /// The comment that this answers.
    #[schema(value_type = String, required = false)]
    comment_id: Option<Id>,
    #[schema(example = "Nice!")]
    content: String,
}

impl FromFields for Publish {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let (video_id, comment_id) = one_id(fields)?;
        Ok(Self { video_id, comment_id, content: fields.text("content")? })
    }
}

/// Comments on a video, or answers a comment.
#[utoipa::path(post, path = "/comment/publish", tag = "comment",
    request_body(content = Publish, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn publish(app: App, login: Login, Input(form): Input<Publish>) -> Result<Done, Refusal> {
    if let Some(id) = form.video_id {
        existence::video(&app, id).await?;
    }
    let request = PublishCommentReq {
        video_id: form.video_id.map(|id| id.0),
        comment_id: form.comment_id.map(|id| id.0),
        content: form.content.into(),
    };
    login.acts(calls::answer(app.services.interaction.publish_comment(request))).await?;
    Ok(Done)
}

#[derive(Debug)]
pub(crate) struct List {
    video_id: Option<Id>,
    comment_id: Option<Id>,
    page: Page,
}

impl FromFields for List {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let (video_id, comment_id) = one_id(fields)?;
        Ok(Self { video_id, comment_id, page: fields.page()? })
    }
}

/// The top-level comments of a video, or the direct replies to a comment, the newest first.
#[utoipa::path(get, path = "/comment/list", tag = "comment",
    params(("video_id" = Option<String>, Query, description = "Exactly one of `video_id` and `comment_id`"),
        ("comment_id" = Option<String>, Query),
        ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Items<Comment>>)))]
pub(crate) async fn list(app: App, Input(query): Input<List>) -> Result<Answer<Items<Comment>>, Refusal> {
    if let Some(id) = query.video_id {
        existence::unless_unavailable(existence::video(&app, id).await)?;
    }
    let request = ListCommentsReq {
        video_id: query.video_id.map(|id| id.0),
        comment_id: query.comment_id.map(|id| id.0),
        page: wire(query.page),
    };
    let answer = calls::answer(app.services.interaction.list_comments(request)).await?;
    let items = answer.comments.into_iter().map(|comment| app.view.comment(comment)).collect();
    Ok(Answer(Items { items }))
}

#[derive(Debug, ToSchema)]
#[schema(as = DeleteComment)]
pub(crate) struct Delete {
    #[schema(value_type = String)]
    comment_id: Id,
    /// If sent, must be the comment's.
    #[schema(value_type = String, required = false)]
    video_id: Option<Id>,
}

impl FromFields for Delete {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { comment_id: fields.id("comment_id")?, video_id: fields.optional_id("video_id")? })
    }
}

/// Deletes a comment of the caller's, with all its replies.
#[utoipa::path(delete, path = "/comment/delete", tag = "comment",
    request_body(content = Delete, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn delete(app: App, login: Login, Input(form): Input<Delete>) -> Result<Done, Refusal> {
    let request = DeleteCommentReq { comment_id: form.comment_id.0, video_id: form.video_id.map(|id| id.0) };
    login.acts(calls::answer(app.services.interaction.delete_comment(request))).await?;
    Ok(Done)
}

fn one_id(fields: &mut Fields) -> Result<(Option<Id>, Option<Id>), InvalidField> {
    Ok(match fields.one_of("video_id", "comment_id")? {
        Either::First(id) => (Some(id), None),
        Either::Second(id) => (None, Some(id)),
    })
}
