//! From a stored file to a published video: a last look at it, its cover, the cover's vector, its row.

use std::time::Duration;

use fanone_base::{Code, Id};
use fanone_call::CallError;
use fanone_media::{
    Key, MediaError, VideoKind, holds_video,
    picture::{self, PictureLimits},
};
use volo_gen::fanone::video::PublishReq;

use crate::{
    calls,
    compose::{Problem, video::discard},
    models::Described,
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

/// Publishes a file and returns the video's id. A file that no video will name is removed; one of which that is not
/// known stays.
pub(super) async fn publish(app: &App, draft: Draft) -> Result<Id, Problem> {
    let outcome = attempt(app, &draft).await;
    if let Err(problem) = &outcome
        && is_nobodys(&draft, problem)
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
    let Described { vector, model } = app.models.describe(opened.preview).await;
    match app.media.create(&draft.cover, vec![cover]).await {
        // There is one when an earlier attempt came so far.
        Ok(()) | Err(MediaError::Exists) => {}
        Err(error) => return Err(error.into()),
    }
    let request = PublishReq {
        video_key: draft.video.to_string().into(),
        cover_key: draft.cover.to_string().into(),
        title: draft.title.clone().into(),
        description: draft.description.clone().into(),
        cover_vector: vector,
        cover_model: model.into(),
        upload_id: draft.upload.map(|upload| upload.0),
    };
    let answer = settled(|| calls::answer(app.services.video.publish(request.clone()))).await?;
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

/// Whether no video names the draft's objects, and none ever will.
fn is_nobodys(draft: &Draft, problem: &Problem) -> bool {
    match (draft.upload, problem) {
        // Their keys are known to this attempt alone, so a clear no is enough.
        (None, Problem::Call(error)) => !is_unknown(error),
        (None, _) => true,
        // Every attempt at an upload has the same objects, so only what the service says of the upload counts: that it
        // was ended, which a published one can't be, or that its video has been deleted.
        (
            Some(_),
            Problem::Call(CallError::Answer { code: Code::UploadNotFound | Code::VideoNotFound, .. }),
        ) => true,
        (Some(_), _) => false,
    }
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

    fn draft(upload: Option<Id>) -> Draft {
        let key = |text: &str| text.parse().unwrap();
        let (title, description) = (String::new(), String::new());
        let (video, cover) = (key("videos/a.mp4"), key("covers/a.jpg"));
        Draft { video, kind: VideoKind::Mp4, cover, title, description, upload }
    }

    #[test]
    fn the_objects_of_an_upload_stay_unless_no_video_can_name_them() {
        let answer = |code| Problem::Call(CallError::Answer { code, message: String::new() });
        for (problem, of_a_form, of_an_upload) in [
            (Problem::Call(CallError::Timeout), false, false),
            (Problem::Call(CallError::Refused(Code::AccessExpired)), true, false),
            (Problem::Refused(Code::NotAVideo), true, false),
            (Problem::Media(MediaError::NotFound), true, false),
            (answer(Code::Parameter), true, false),
            (answer(Code::UploadNotFound), true, true),
            (answer(Code::VideoNotFound), true, true),
        ] {
            assert_eq!(is_nobodys(&draft(None), &problem), of_a_form, "{problem:?}");
            assert_eq!(is_nobodys(&draft(Some(Id(7))), &problem), of_an_upload, "{problem:?}");
        }
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
