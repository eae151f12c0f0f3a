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
    let answer = settled(|| calls::answer(app.write.video.publish(request.clone()))).await?;
    Ok(Id(calls::present(answer.video)?.id))
}

/// Asks again as long as the outcome is unknown. Once it was, a later refusal, such as of a token that has expired
/// meanwhile, says nothing of the first try.
async fn settled<T, F>(ask: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut unknown = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match ask().await {
            Err(error) if is_unknown(&error) => unknown = Some(error),
            Err(error) => return Err(unknown.unwrap_or(error)),
            done => return done,
        }
    }
    Err(unknown.unwrap_or(CallError::Timeout))
}

/// Whether the service has not clearly said no, so that the row may be there all the same.
fn may_be_published(problem: &Problem) -> bool {
    matches!(problem, Problem::Call(error) if is_unknown(error))
}

fn is_unknown(error: &CallError) -> bool {
    matches!(error, CallError::Timeout | CallError::Unavailable(_) | CallError::Fault(_))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::ready};

    use super::*;

    async fn outcome_of(answers: Vec<Result<i64, CallError>>) -> Result<i64, CallError> {
        let answers = RefCell::new(answers.into_iter());
        settled(|| ready(answers.borrow_mut().next().unwrap())).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_published_stays_so_whatever_a_later_try_is_refused_for() {
        let refused = || Err(CallError::Refused(Code::AccessExpired));
        let lost = || Err(CallError::Timeout);
        assert_eq!(outcome_of(vec![lost(), Ok(7)]).await, Ok(7));
        assert_eq!(outcome_of(vec![refused()]).await, refused());
        assert_eq!(outcome_of(vec![lost(), refused()]).await, lost());
        assert_eq!(outcome_of(vec![lost(), lost(), lost()]).await, lost());
    }
}
