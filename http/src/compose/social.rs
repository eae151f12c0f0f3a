//! Lists of users: one service knows the ids, another the users.

use fanone_base::Id;
use volo_gen::fanone::{social::ListUsersResp, user::GetUsersReq};

use super::{Problem, existence};
use crate::{
    calls,
    objects::{Listing, Social},
    state::App,
};

/// The users behind a list of ids, in its order.
pub(crate) async fn resolve(app: &App, list: ListUsersResp) -> Result<Listing<Social>, Problem> {
    if list.user_ids.is_empty() {
        return Ok(Listing { items: Vec::new(), total: list.total });
    }
    let answer = calls::answer(app.services.user.get_users(GetUsersReq { ids: list.user_ids })).await?;
    let items = answer.users.into_iter().map(|user| app.view.social(user)).collect();
    Ok(Listing { items, total: list.total })
}

/// The users behind a list that belongs to `owner`, who must exist.
pub(crate) async fn resolve_of(
    app: &App,
    owner: Id,
    list: ListUsersResp,
) -> Result<Listing<Social>, Problem> {
    if list.total == 0 {
        existence::unless_unavailable(existence::user(app, owner).await)?;
    }
    resolve(app, list).await
}
