//! Chat groups. What is said in them goes over the WebSocket.

use fanone_base::{Id, InvalidField, Page};
use utoipa::ToSchema;
use volo_gen::fanone::social::{CreateGroupReq, JoinGroupReq, LeaveGroupReq, ListGroupsReq, ListMembersReq};

use crate::{
    calls,
    compose::{social, video::wire},
    envelope::{Answer, Done, Envelope, Outcome},
    extract::{Fields, FromFields, Input, Login},
    objects::{Group, Listing, Social},
    openapi::{PageNum, PageSize},
    refusal::Refusal,
    state::App,
};

#[derive(Debug, ToSchema)]
#[schema(as = NewGroup)]
pub(crate) struct Create {
    #[schema(example = "Snow friends")]
    name: String,
}

impl FromFields for Create {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { name: fields.text("name")? })
    }
}

/// Opens a group, whose first member is the caller.
#[utoipa::path(post, path = "/group/create", tag = "group",
    request_body(content = Create, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<Group>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn create(
    app: App,
    login: Login,
    Input(form): Input<Create>,
) -> Result<Answer<Group>, Refusal> {
    let answer = login
        .acts(calls::answer(app.services.social.create_group(CreateGroupReq { name: form.name.into() })))
        .await?;
    Ok(Answer(app.view.group(calls::present(answer.group)?)))
}

#[derive(Debug, ToSchema)]
pub(crate) struct GroupId {
    #[schema(value_type = String)]
    group_id: Id,
}

impl FromFields for GroupId {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { group_id: fields.id("group_id")? })
    }
}

/// Makes the caller a member of a group.
#[utoipa::path(post, path = "/group/join", tag = "group",
    request_body(content = GroupId, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn join(app: App, login: Login, Input(form): Input<GroupId>) -> Result<Done, Refusal> {
    login
        .acts(calls::answer(app.services.social.join_group(JoinGroupReq { group_id: form.group_id.0 })))
        .await?;
    Ok(Done)
}

/// Ends the caller's membership of a group.
#[utoipa::path(post, path = "/group/leave", tag = "group",
    request_body(content = GroupId, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn leave(app: App, login: Login, Input(form): Input<GroupId>) -> Result<Done, Refusal> {
    login
        .acts(calls::answer(app.services.social.leave_group(LeaveGroupReq { group_id: form.group_id.0 })))
        .await?;
    Ok(Done)
}

/// The groups of the caller.
#[utoipa::path(get, path = "/group/list", tag = "group",
    params(("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Group>>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn list(
    app: App,
    login: Login,
    Input(page): Input<Page>,
) -> Result<Answer<Listing<Group>>, Refusal> {
    let answer = login
        .acts(calls::answer(app.services.social.list_groups(ListGroupsReq { page: wire(page) })))
        .await?;
    let items = answer.groups.into_iter().map(|group| app.view.group(group)).collect();
    Ok(Answer(Listing { items, total: answer.total }))
}

#[derive(Debug)]
pub(crate) struct Members {
    group_id: Id,
    page: Page,
}

impl FromFields for Members {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        Ok(Self { group_id: fields.id("group_id")?, page: fields.page()? })
    }
}

/// The members of a group that the caller belongs to.
#[utoipa::path(get, path = "/group/members", tag = "group",
    params(("group_id" = String, Query), ("page_num" = Option<PageNum>, Query), ("page_size" = Option<PageSize>, Query)),
    responses((status = 200, body = Envelope<Listing<Social>>)), security(("access" = []), ("bearer" = [])))]
pub(crate) async fn members(
    app: App,
    login: Login,
    Input(query): Input<Members>,
) -> Result<Answer<Listing<Social>>, Refusal> {
    let request = ListMembersReq { group_id: query.group_id.0, page: wire(query.page) };
    let list = login.acts(calls::answer(app.services.social.list_members(request))).await?;
    Ok(Answer(social::resolve(&app, list).await?))
}
