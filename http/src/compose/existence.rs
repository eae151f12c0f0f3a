//! Whether a video or a user exists. The answer is remembered for a short while: a like, a comment or a message would
//! otherwise cost a second call each time, and so would ids that somebody makes up.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanone_base::{Code, Failure as _, Id};
use fanone_call::CallError;
use volo_gen::fanone::{user::GetUsersReq, video::GetVideosReq};

use super::{Problem, known};
use crate::{calls, state::App};

const KNOWN: Duration = Duration::from_secs(10);
/// Shorter: it may come into being.
const UNKNOWN: Duration = Duration::from_secs(3);
/// A deleted video never comes back. Longer than any call that has seen it alive can take to say so.
const DELETED: Duration = Duration::from_secs(60);

/// Refuses the id of a video that is unknown or deleted.
pub(crate) async fn video(app: &App, id: Id) -> Result<(), Problem> {
    let found = async || {
        let answer = calls::answer(app.services.video.get_videos(GetVideosReq { ids: vec![id.0] })).await?;
        Ok(!answer.videos.is_empty())
    };
    check(app, video_key(id), Code::VideoNotFound, found).await
}

/// Refuses the id of a user that is unknown or deleted.
pub(crate) async fn user(app: &App, id: Id) -> Result<(), Problem> {
    let found = async || {
        let answer = calls::answer(app.services.user.get_users(GetUsersReq { ids: vec![id.0] })).await?;
        Ok(!answer.users.is_empty())
    };
    check(app, format!("exists:user:{id}"), Code::UserNotFound, found).await
}

/// What [`video`] or [`user`] says, for a list that is only read: it is shown although nobody can say now whether its owner
/// exists.
pub(crate) fn unless_unavailable(checked: Result<(), Problem>) -> Result<(), Problem> {
    match checked {
        Err(problem) if problem.code() == Code::Unavailable => {
            tracing::debug!(error = fanone_telemetry::chain(&problem), "a list is shown unchecked");
            Ok(())
        }
        checked => checked,
    }
}

/// To be called when a video is deleted: every front knows it at once, whatever it has just heard of the video.
pub(crate) async fn forget_video(app: &App, id: Id) {
    let key = video_key(id);
    if let Err(error) = app.existence.set_absent(&key, DELETED).await {
        tracing::warn!(%error, "a deleted video is remembered for some seconds");
    }
    known::forget(app, &key).await;
}

fn video_key(id: Id) -> String {
    format!("exists:video:{id}")
}

async fn check(
    app: &App,
    key: String,
    unknown: Code,
    found: impl AsyncFnOnce() -> Result<bool, CallError>,
) -> Result<(), Problem> {
    if app.known.has(&key) {
        return Ok(());
    }
    let asked = app.known.now();
    // A call is a large future, and mostly none is made.
    let load = async { Ok::<_, CallError>(Box::pin(found()).await?.then(Bytes::new)) };
    match app.existence.get_or_load(&key, KNOWN, UNKNOWN, load).await {
        Ok(Some(_)) => {
            app.known.keep(key, asked);
            Ok(())
        }
        Ok(None) => Err(Problem::Refused(unknown)),
        Err(shared) => Err(Arc::unwrap_or_clone(shared).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures::future::join_all;
    use tokio_util::sync::{CancellationToken, DropGuard};

    use super::*;
    use crate::testing::front;

    const VIDEO: Id = Id(77);

    /// What `check` says of the video when the service says `found`; it must not be asked when that is `None`.
    async fn ask(app: &App, found: Option<bool>) -> Option<Code> {
        let found = async || match found {
            Some(found) => Ok(found),
            None => pending().await,
        };
        match check(app, video_key(VIDEO), Code::VideoNotFound, found).await {
            Ok(()) => None,
            Err(Problem::Refused(code)) => Some(code),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Has `app` hear what `other` says, for as long as the guard lives.
    async fn hears(app: &App, other: &App) -> DropGuard {
        let stop = CancellationToken::new();
        tokio::spawn(known::listen(app.clone(), stop.clone()));
        let before = app.known.now();
        // Listening has begun with the second one: the first forgets everything.
        while app.known.now() < before + 2 {
            known::forget(other, "of nothing").await;
            tokio::task::yield_now().await;
        }
        stop.drop_guard()
    }

    async fn until_gone(app: &App) {
        let told = async {
            while ask(app, None).await != Some(Code::VideoNotFound) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), told).await.expect("the front is told");
    }

    #[tokio::test]
    async fn many_that_ask_at_once_cost_one_call() {
        let (front, calls) = (front(&[]), AtomicUsize::new(0));
        let found = async || {
            calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(true)
        };
        let key = video_key(VIDEO);
        let all = join_all((0..50).map(|_| check(&front.app, key.clone(), Code::VideoNotFound, found))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_one_front_learns_the_other_knows() {
        let front = front(&[]);
        let other = front.beside();
        assert_eq!(ask(&front.app, Some(true)).await, None);
        assert_eq!(ask(&other.app, None).await, None);
    }

    #[tokio::test]
    async fn an_unknown_id_is_remembered_as_unknown() {
        let front = front(&[]);
        assert_eq!(ask(&front.app, Some(false)).await, Some(Code::VideoNotFound));
        assert_eq!(ask(&front.beside().app, None).await, Some(Code::VideoNotFound));
    }

    #[tokio::test]
    async fn a_deleted_video_is_gone_at_once_on_every_front() {
        let front = front(&[]);
        let other = front.beside();
        let _hears = hears(&other.app, &front.app).await;
        assert_eq!(ask(&other.app, Some(true)).await, None);
        forget_video(&front.app, VIDEO).await;
        until_gone(&other.app).await;
    }

    #[tokio::test]
    async fn a_front_that_saw_a_video_alive_just_before_it_was_deleted_does_not_bring_it_back() {
        let front = front(&[]);
        let other = front.beside();
        let _hears = hears(&front.app, &other.app).await;
        let found = async || {
            forget_video(&other.app, VIDEO).await;
            Ok(true)
        };
        check(&front.app, video_key(VIDEO), Code::VideoNotFound, found).await.unwrap();
        until_gone(&front.app).await;
    }

    #[test]
    fn only_who_can_not_be_asked_is_passed_over() {
        assert!(unless_unavailable(Ok(())).is_ok());
        assert!(unless_unavailable(Err(CallError::Timeout.into())).is_ok());
        let unknown = unless_unavailable(Err(Problem::Refused(Code::VideoNotFound)));
        assert!(matches!(unknown, Err(Problem::Refused(Code::VideoNotFound))), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_call_that_failed_is_made_again() {
        let front = front(&[]);
        let lost =
            check(&front.app, video_key(VIDEO), Code::VideoNotFound, async || Err(CallError::Timeout)).await;
        assert!(matches!(lost, Err(Problem::Call(CallError::Timeout))), "{lost:?}");
        assert_eq!(ask(&front.app, Some(true)).await, None);
    }
}
