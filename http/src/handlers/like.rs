//! Likes.

use fanone_base::{Id, InvalidField, Page};
use utoipa::ToSchema;
use volo_gen::fanone::interaction::LikeReq;

use crate::{
    calls,
    compose::{existence, video},
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Either, Fields, FromFields, Input, Login},
    objects::{Items, Video},
    openapi::{PageNum, PageSize},
    refusal::Refusal,
    state::App,
};

#[derive(Debug, ToSchema)]
#[schema(as = LikeAction)]
pub(crate) struct Action {
    /// Exactly one of `video_id` and `comment_id`.
    #[schema(value_type = String, required = false)]
    video_id: Option<Id>,
    #[schema(value_type = String, required = false)]
    comment_id: Option<Id>,
    /// 1: like, 2: unlike. Doing it again changes nothing.
    #[schema(value_type = i32, minimum = 1, maximum = 2, example = 1)]
    action_type: bool,
}

impl FromFields for Action {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let (video_id, comment_id) = match fields.one_of("video_id", "comment_id")? {
            Either::First(id) => (Some(id), None),
            Either::Second(id) => (None, Some(id)),
        };
        Ok(Self { video_id, comment_id, action_type: fields.integer("action_type", 1, 2)? == 1 })
    }
}

/// Likes a video or a comment, or takes the like back.
#[utoipa::path(post, path = "/like/action", tag = "like",
    request_body(content = Action, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn action(app: App, login: Login, Input(form): Input<Action>) -> Result<Done, Refusal> {
    if let Some(id) = form.video_id {
        existence::video(&app, id).await?;
    }
    let request = LikeReq {
        video_id: form.video_id.map(|id| id.0),
        comment_id: form.comment_id.map(|id| id.0),
        on: form.action_type,
    };
    login.acts(calls::answer(app.services.interaction.like(request))).await?;
    Ok(Done)
}

#[derive(Debug)]
pub(crate) struct Liked {
    user_id: Option<Id>,
    page: Page,
}

impl FromFields for Liked {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { user_id: fields.optional_id("user_id")?, page: fields.page()? })
    }
}

/// The videos that a user likes, the latest like first; without `user_id` those of the caller.
#[utoipa::path(get, path = "/like/list", tag = "like",
    params(("user_id" = Option<String>, Query, description = "Absent: the caller, who must be logged in"),
        ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Items<Video>>)), security((), ("access" = []), ("bearer" = [])))]
pub(crate) async fn list(
    app: App,
    login: Result<Login, Refusal>,
    Input(query): Input<Liked>,
) -> Result<Answer<Items<Video>>, Refusal> {
    let user = query.user_id.map_or_else(|| login.map(|login| login.user), Ok)?;
    Ok(Answer(video::liked(&app, user, query.page).await?))
}
