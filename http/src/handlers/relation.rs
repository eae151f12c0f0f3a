//! Follows and friends.

use fanone_base::{Id, InvalidField, Page};
use utoipa::ToSchema;
use volo_gen::fanone::social::{FollowReq, ListFriendsReq, ListUsersReq};

use crate::{
    calls,
    compose::{existence, social, video::wire},
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Fields, FromFields, Input, Login},
    objects::{Listing, Social},
    openapi::{PageNum, PageSize},
    refusal::Refusal,
    state::App,
};

#[derive(Debug, ToSchema)]
#[schema(as = RelationAction)]
pub(crate) struct Action {
    #[schema(value_type = String)]
    to_user_id: Id,
    /// 0: follow, 1: unfollow. Doing it again changes nothing.
    #[schema(value_type = i32, minimum = 0, maximum = 1, example = 0)]
    action_type: bool,
}

impl FromFields for Action {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let to_user_id = fields.id("to_user_id")?;
        Ok(Self { to_user_id, action_type: fields.integer("action_type", 0, 1)? == 0 })
    }
}

/// Follows a user, or stops to.
#[utoipa::path(post, path = "/relation/action", tag = "relation",
    request_body(content = Action, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn action(app: App, login: Login, Input(form): Input<Action>) -> Result<Done, Refusal> {
    existence::user(&app, form.to_user_id).await?;
    let request = FollowReq { to_user_id: form.to_user_id.0, on: form.action_type };
    login.acts(calls::answer(app.services.social.follow(request))).await?;
    Ok(Done)
}

#[derive(Debug)]
pub(crate) struct OfUser {
    user_id: Id,
    page: Page,
}

impl FromFields for OfUser {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { user_id: fields.id("user_id")?, page: fields.page()? })
    }
}

impl OfUser {
    fn request(&self) -> ListUsersReq {
        ListUsersReq { user_id: self.user_id.0, page: wire(self.page) }
    }
}

/// Those whom a user follows, the latest first.
#[utoipa::path(get, path = "/following/list", tag = "relation",
    params(("user_id" = String, Query), ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Social>>)))]
pub(crate) async fn following(
    app: App,
    Input(query): Input<OfUser>,
) -> Result<Answer<Listing<Social>>, Refusal> {
    let list = calls::answer(app.services.social.list_following(query.request())).await?;
    Ok(Answer(social::resolve_of(&app, query.user_id, list).await?))
}

/// Those who follow a user, the latest first.
#[utoipa::path(get, path = "/follower/list", tag = "relation",
    params(("user_id" = String, Query), ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Social>>)))]
pub(crate) async fn followers(
    app: App,
    Input(query): Input<OfUser>,
) -> Result<Answer<Listing<Social>>, Refusal> {
    let list = calls::answer(app.services.social.list_followers(query.request())).await?;
    Ok(Answer(social::resolve_of(&app, query.user_id, list).await?))
}

/// Those whom the caller follows and who follow the caller.
#[utoipa::path(get, path = "/friends/list", tag = "relation",
    params(("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Social>>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn friends(
    app: App,
    login: Login,
    Input(page): Input<Page>,
) -> Result<Answer<Listing<Social>>, Refusal> {
    let list = login
        .acts(calls::answer(app.services.social.list_friends(ListFriendsReq { page: wire(page) })))
        .await?;
    Ok(Answer(social::resolve(&app, list).await?))
}
