//! Calls to the services as the front makes them: an answer other than success is an error.

use fanone_call::{CallError, check};
use volo_gen::fanone::base::BaseResp;
use volo_thrift::ClientError;

/// An answer that begins with its outcome.
pub(crate) trait Answered {
    fn outcome(&self) -> &BaseResp;
}

macro_rules! answered {
    ($($service:ident: $($answer:ident)+;)+) => {
        $($(impl Answered for volo_gen::fanone::$service::$answer {
            fn outcome(&self) -> &BaseResp {
                &self.base
            }
        })+)+
    };
}

answered! {
    user: RegisterResp LoginResp RenewAccessResp RotateTokensResp LogoutResp GetUsersResp FindUserResp SetAvatarResp
        BeginMfaResp BindMfaResp UnbindMfaResp SearchPicturesResp ListUndescribedResp SetVectorsResp;
    video: PublishResp GetVideosResp FeedResp ListVideosResp PopularResp SearchResp VisitResp DeleteVideoResp
        CreateUploadResp GetUploadResp DeleteUploadResp;
    interaction: LikeResp ListLikedResp PublishCommentResp ListCommentsResp DeleteCommentResp;
    social: FollowResp ListUsersResp SendMessageResp HistoryResp TakeUnreadResp UnreadSummaryResp MarkReadResp
        CreateGroupResp JoinGroupResp LeaveGroupResp ListGroupsResp;
}

/// The answer of `call` if it is a success.
pub(crate) async fn answer<R: Answered>(
    call: impl Future<Output = Result<R, ClientError>>,
) -> Result<R, CallError> {
    let answer = call.await?;
    check(answer.outcome().clone())?;
    Ok(answer)
}

/// What a successful answer must hold.
pub(crate) fn present<T>(part: Option<T>) -> Result<T, CallError> {
    part.ok_or_else(|| CallError::Fault("a success without its data".to_owned()))
}
