//! Whether a video or a user exists. A yes is remembered for a short while: a like, a comment or a message would
//! otherwise cost a second call each time. A no is not, so that what was just made is found.

use std::time::Duration;

use bytes::Bytes;
use fanone_base::{Code, Id};
use volo_gen::fanone::{user::GetUsersReq, video::GetVideosReq};

use super::Problem;
use crate::{calls, state::App};

const REMEMBERED: Duration = Duration::from_secs(10);

/// Refuses the id of a video that is unknown or deleted.
pub(crate) async fn video(app: &App, id: Id) -> Result<(), Problem> {
    let key = video_key(id);
    if is_remembered(app, &key).await {
        return Ok(());
    }
    let answer = calls::answer(app.read.video.get_videos(GetVideosReq { ids: vec![id.0] })).await?;
    if answer.videos.is_empty() {
        return Err(Problem::Refused(Code::VideoNotFound));
    }
    remember(app, &key).await;
    Ok(())
}

/// Refuses the id of a user that is unknown or deleted.
pub(crate) async fn user(app: &App, id: Id) -> Result<(), Problem> {
    let key = format!("exists:user:{id}");
    if is_remembered(app, &key).await {
        return Ok(());
    }
    let answer = calls::answer(app.read.user.get_users(GetUsersReq { ids: vec![id.0] })).await?;
    if answer.users.is_empty() {
        return Err(Problem::Refused(Code::UserNotFound));
    }
    remember(app, &key).await;
    Ok(())
}

/// To be called when a video is deleted.
pub(crate) async fn forget_video(app: &App, id: Id) {
    if let Err(error) = app.cache.remove(&[&video_key(id)]).await {
        tracing::warn!(%error, "a deleted video is remembered for some seconds");
    }
}

fn video_key(id: Id) -> String {
    format!("exists:video:{id}")
}

async fn is_remembered(app: &App, key: &str) -> bool {
    app.cache.get(key).await.is_ok_and(|mark| mark.is_some())
}

async fn remember(app: &App, key: &str) {
    // Without the cache every check is a call; nothing is wrong.
    if let Err(error) = app.cache.set(key, Bytes::from_static(b"1"), REMEMBERED).await {
        tracing::debug!(%error, "an existence can't be remembered");
    }
}
