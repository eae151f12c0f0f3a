//! From a stored file to a published video: a last look at it, its cover, the cover's vector, its row.

use std::time::Duration;

use fanone_base::{Code, Id};
use fanone_call::CallError;
use fanone_media::{
    Key, VideoKind, holds_video,
    picture::{self, PictureLimits},
};
use fanone_vectors::to_bytes;
use volo_gen::fanone::video::PublishReq;

use crate::{
    calls,
    compose::{Problem, video::discard},
    state::App,
};

/// Covers are our own pictures: far smaller than this.
const COVER_LIMITS: PictureLimits = PictureLimits { bytes_max: 16 << 20, side_max: 4096 };
/// A publication whose outcome is unknown is asked for again: the same file is published once.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// A stored file that is to become a video.
pub(super) struct Draft {
    pub(super) video: Key,
    pub(super) kind: VideoKind,
    /// Where its cover is to be stored.
    pub(super) cover: Key,
    pub(super) title: String,
    pub(super) description: String,
    /// The resumable upload that ends with it.
    pub(super) upload: Option<Id>,
}

/// Publishes a file and returns the video's id. A file that is refused is removed; one of which it is not known
/// whether it was published stays.
pub(super) async fn publish(app: &App, draft: Draft) -> Result<Id, Problem> {
    let outcome = attempt(app, &draft).await;
    if let Err(problem) = &outcome
        && !may_be_published(problem)
    {
        discard(app, draft.video.as_str()).await;
        discard(app, draft.cover.as_str()).await;
    }
    outcome
}

async fn attempt(app: &App, draft: &Draft) -> Result<Id, Problem> {
    if !holds_video(&app.media, &draft.video, draft.kind).await? {
        return Err(Problem::Refused(Code::NotAVideo));
    }
    let cover = app.uploads.covers.make(&app.media, &draft.video, draft.kind, &draft.title).await?.jpeg;
    let opened = picture::open(cover.clone(), COVER_LIMITS).await?;
    let vector = app.model.embed(opened.preview).await?;
    app.media.put(&draft.cover, cover).await?;
    let request = PublishReq {
        video_key: draft.video.to_string().into(),
        cover_key: draft.cover.to_string().into(),
        title: draft.title.clone().into(),
        description: draft.description.clone().into(),
        cover_vector: to_bytes(&vector).into(),
        cover_model: app.model.name().to_owned().into(),
        upload_id: draft.upload.map(|upload| upload.0),
    };
    let mut attempts = 1;
    loop {
        let outcome = calls::answer(app.write.video.publish(request.clone())).await.map_err(Problem::from);
        match outcome {
            Ok(answer) => return Ok(Id(calls::present(answer.video)?.id)),
            Err(problem) if attempts == ATTEMPTS || !may_be_published(&problem) => return Err(problem),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        attempts += 1;
    }
}

/// Whether the service has not clearly said no, so that the row may be there all the same.
fn may_be_published(problem: &Problem) -> bool {
    matches!(problem, Problem::Call(CallError::Timeout | CallError::Unavailable(_) | CallError::Fault(_)))
}
