use fanone_base::{Code, Id};
use fanone_identity::{Caller, UserClaims, scope};
use volo_gen::fanone::{base::Page, interaction::InteractionService as _};

use super::{InteractionService, thrift};
use crate::testing::Site;

const FIRST_PAGE: Page = Page { num: 0, size: 10 };

async fn as_user<F: Future>(user: Id, work: F) -> F::Output {
    let claims = UserClaims { user_id: user, session: Id(1), expires_at: i64::MAX };
    scope(Caller { service: "fanone.http".into(), user: Some(claims) }, work).await
}

fn publish(video: Id, content: &'static str) -> thrift::PublishCommentReq {
    thrift::PublishCommentReq { video_id: Some(video.0), comment_id: None, content: content.into() }
}

#[tokio::test]
async fn a_comment_is_written_listed_liked_and_deleted() {
    let site = Site::open().await;
    let service = InteractionService::new(site.store.clone());
    let (user, video) = (site.id(0), site.id(1));
    as_user(user, async {
        let written = service.publish_comment(publish(video, "你好")).await.unwrap();
        assert_eq!((written.base.code, written.base.msg.as_str()), (10000, "success"));
        let comment = written.comment.unwrap();
        assert_eq!((comment.user_id, comment.video_id, comment.parent_id), (user.0, video.0, None));
        assert_eq!((comment.content.as_str(), comment.deleted_at), ("你好", 0));

        let of = thrift::ListCommentsReq { video_id: Some(video.0), comment_id: None, page: FIRST_PAGE };
        let listed = service.list_comments(of.clone()).await.unwrap();
        assert_eq!(listed.comments, std::slice::from_ref(&comment));

        let like = thrift::LikeReq { video_id: None, comment_id: Some(comment.id), on: true };
        assert_eq!(service.like(like).await.unwrap().base.code, 10000);

        let delete = thrift::DeleteCommentReq { comment_id: comment.id, video_id: Some(video.0) };
        assert_eq!(service.delete_comment(delete.clone()).await.unwrap().base.code, 10000);
        let again = service.delete_comment(delete).await.unwrap();
        assert_eq!(again.base.code, Code::CommentNotFound.number());
        assert_eq!(service.list_comments(of).await.unwrap().comments, []);
    })
    .await;
}

#[tokio::test]
async fn who_is_not_logged_in_changes_nothing() {
    let site = Site::open().await;
    let service = InteractionService::new(site.store.clone());
    let video = site.id(0);
    let answer = service.publish_comment(publish(video, "hello")).await.unwrap();
    assert_eq!((answer.base.code, answer.comment), (Code::NotLoggedIn.number(), None));
    let like = thrift::LikeReq { video_id: Some(video.0), comment_id: None, on: true };
    assert_eq!(service.like(like).await.unwrap().base.code, Code::NotLoggedIn.number());
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let site = Site::open().await;
    let service = InteractionService::new(site.store.clone());
    as_user(site.id(0), async {
        let list = |user_id, num, size| thrift::ListLikedReq { user_id, page: Page { num, size } };
        for (req, field) in [
            (list(0, 0, 10), "user_id"),
            (list(1, -1, 10), "page_num"),
            (list(1, 0, 0), "page_size"),
            (list(1, 0, 101), "page_size"),
        ] {
            let base = service.list_liked(req).await.unwrap().base;
            assert_eq!(base.code, Code::Parameter.number());
            assert!(base.msg.starts_with(&format!("{field}: ")), "{}", base.msg);
        }
        let base = service.publish_comment(publish(site.id(1), " ")).await.unwrap().base;
        assert_eq!(base.msg.as_str(), "content: must not be empty");
    })
    .await;
}
