//! Videos by ids and by the name of their author, and how one goes.

use fanone_base::{Code, Id, Page};
use fanone_call::CallError;
use fanone_media::Key;
use volo_gen::fanone::{
    base,
    interaction::ListLikedReq,
    user::FindUserReq,
    video::{DeleteVideoReq, GetVideosReq, ListVideosReq, SearchReq},
};

use super::{Problem, existence};
use crate::{
    calls,
    objects::{Items, Listing, Video},
    state::App,
};

/// What a search asks for; all conditions hold together.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) keywords: String,
    pub(crate) page: Page,
    /// Unix milliseconds.
    pub(crate) from: Option<i64>,
    /// Unix milliseconds.
    pub(crate) to: Option<i64>,
    pub(crate) username: Option<String>,
}

/// The page as services understand it.
pub(crate) fn wire(page: Page) -> base::Page {
    // A page is checked to be far smaller than 2^31.
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    base::Page { num: number(page.num), size: number(page.size) }
}

/// The videos of a user.
pub(crate) async fn by_author(app: &App, user: Id, page: Page) -> Result<Listing<Video>, Problem> {
    let request = ListVideosReq { user_id: user.0, page: wire(page) };
    let answer = calls::answer(app.services.video.list_videos(request)).await?;
    if answer.total == 0 {
        existence::unless_unavailable(existence::user(app, user).await)?;
    }
    Ok(Listing { items: app.view.videos(answer.videos), total: answer.total })
}

/// The videos that a user likes, the latest like first. Deleted videos are left out.
pub(crate) async fn liked(app: &App, user: Id, page: Page) -> Result<Items<Video>, Problem> {
    let request = ListLikedReq { user_id: user.0, page: wire(page) };
    let ids = calls::answer(app.services.interaction.list_liked(request)).await?.video_ids;
    if ids.is_empty() {
        existence::unless_unavailable(existence::user(app, user).await)?;
        return Ok(Items { items: Vec::new() });
    }
    let answer = calls::answer(app.services.video.get_videos(GetVideosReq { ids })).await?;
    Ok(Items { items: app.view.videos(answer.videos) })
}

/// The videos that fit. A name that nobody has fits nothing.
pub(crate) async fn search(app: &App, search: Search) -> Result<Listing<Video>, Problem> {
    let user_id = match search.username {
        None => None,
        Some(username) => {
            let request = FindUserReq { username: username.into() };
            match calls::answer(app.services.user.find_user(request)).await {
                Ok(answer) => Some(calls::present(answer.user)?.id),
                Err(CallError::Answer { code: Code::UserNotFound | Code::NotFound, .. }) => {
                    return Ok(Listing { items: Vec::new(), total: 0 });
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    let request = SearchReq {
        keywords: search.keywords.into(),
        page: wire(search.page),
        from_date: search.from,
        to_date: search.to,
        user_id,
    };
    let answer = calls::answer(app.services.video.search(request)).await?;
    Ok(Listing { items: app.view.videos(answer.videos), total: answer.total })
}

/// Takes a video of the caller's down, and its media with it.
pub(crate) async fn delete(app: &App, id: Id) -> Result<(), Problem> {
    let answer = calls::answer(app.services.video.delete_video(DeleteVideoReq { video_id: id.0 })).await?;
    existence::forget_video(app, id).await;
    if let Some(video) = answer.video {
        futures::join!(discard(app, &video.video_key), discard(app, &video.cover_key));
    }
    Ok(())
}

/// Removes a media object that nothing refers to any more. If that fails it only takes room.
pub(crate) async fn discard(app: &App, key: &str) {
    let Ok(key) = key.parse::<Key>() else { return };
    if let Err(error) = app.media.delete(&key).await {
        tracing::warn!(%key, error = fanone_telemetry::chain(&error), "an unused media object stays");
    }
}
