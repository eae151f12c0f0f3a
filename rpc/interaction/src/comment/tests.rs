use fanone_base::{Code, Failure, Id, Page};
use futures::future::join_all;

use super::{Comment, DEPTH_MAX};
use crate::{counters::VIDEO, error::InteractionError, like::Target, testing::Site};

/// VIDEO_COMMENTS in the IDL.
const COMMENTS: i32 = 2;
const ALL: Page = Page { num: 0, size: 100 };

impl Site {
    async fn comment(&self, user: Id, on: Target) -> Comment {
        self.comments.publish(user, on, "hello".to_owned()).await.unwrap()
    }

    async fn ids(&self, of: Target) -> Vec<Id> {
        self.comments.list(of, ALL).await.unwrap().into_iter().map(|comment| comment.id).collect()
    }
}

#[tokio::test]
async fn comments_and_replies_are_listed_apart_newest_first() {
    let site = Site::open().await;
    let (user, video) = (site.id(0), site.id(1));
    let first = site.comment(user, Target::Video(video)).await;
    let second = site.comment(user, Target::Video(video)).await;
    let reply = site.comment(user, Target::Comment(first.id)).await;
    let deeper = site.comment(user, Target::Comment(reply.id)).await;
    assert_eq!(first.id.bucket(), video.bucket(), "a comment lives with its video");
    assert_eq!((deeper.video, deeper.parent), (video, Some(reply.id)));
    assert_eq!(site.ids(Target::Video(video)).await, [second.id, first.id]);
    assert_eq!(site.ids(Target::Comment(first.id)).await, [reply.id]);
    assert_eq!(site.comments.find(first.id).await.unwrap().child_count, 1, "direct replies only");
    assert_eq!(site.sent(VIDEO).await, [(COMMENTS, video, 4)]);
    let page = site.comments.list(Target::Video(video), Page { num: 1, size: 1 }).await.unwrap();
    assert_eq!(page[0].id, first.id);
}

#[tokio::test]
async fn what_is_not_there_has_no_replies() {
    let site = Site::open().await;
    let unknown = Target::Comment(site.id(0));
    let refused = [
        site.comments.publish(site.id(1), unknown, "c".to_owned()).await.map(drop),
        site.comments.list(unknown, ALL).await.map(drop),
        site.comments.delete(site.id(1), site.id(0), None).await,
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().code(), Code::CommentNotFound);
    }
    assert_eq!(site.ids(Target::Video(site.id(0))).await, []);
}

#[tokio::test]
async fn a_deleted_comment_takes_everything_below_with_it() {
    let site = Site::open().await;
    let (user, other, video) = (site.id(0), site.id(1), site.id(1));
    let top = site.comment(user, Target::Video(video)).await;
    let beside = site.comment(other, Target::Video(video)).await;
    let reply = site.comment(user, Target::Comment(top.id)).await;
    let sibling = site.comment(other, Target::Comment(top.id)).await;
    for _ in 0..3 {
        let child = site.comment(other, Target::Comment(reply.id)).await;
        site.comment(user, Target::Comment(child.id)).await;
    }
    assert_eq!(site.sent(VIDEO).await, [(COMMENTS, video, 10)]);

    site.comments.delete(user, reply.id, Some(video)).await.unwrap();
    assert_eq!(site.sent(VIDEO).await, [(COMMENTS, video, -7)]);
    assert_eq!(site.ids(Target::Comment(top.id)).await, [sibling.id]);
    assert_eq!(site.comments.find(top.id).await.unwrap().child_count, 1);
    let again = site.comments.delete(user, reply.id, None).await.unwrap_err();
    assert!(matches!(again, InteractionError::CommentNotFound));

    site.comments.delete(user, top.id, None).await.unwrap();
    assert_eq!(site.sent(VIDEO).await, [(COMMENTS, video, -2)], "what was deleted before does not count");
    assert_eq!(site.ids(Target::Video(video)).await, [beside.id]);
}

#[tokio::test]
async fn only_the_author_deletes_and_only_below_the_right_video() {
    let site = Site::open().await;
    let (user, video) = (site.id(0), site.id(1));
    let comment = site.comment(user, Target::Video(video)).await;
    let stranger = site.comments.delete(site.id(0), comment.id, None).await.unwrap_err();
    assert_eq!(stranger.code(), Code::Forbidden);
    let elsewhere = site.comments.delete(user, comment.id, Some(site.id(1))).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::Parameter);
    assert!(elsewhere.public_message().starts_with("video_id: "));
    assert_eq!(site.ids(Target::Video(video)).await, [comment.id]);
}

#[tokio::test]
async fn nesting_has_an_end() {
    let site = Site::open().await;
    let (user, video) = (site.id(0), site.id(0));
    let mut deepest = site.comment(user, Target::Video(video)).await;
    let top = deepest.id;
    for _ in 0..DEPTH_MAX {
        deepest = site.comment(user, Target::Comment(deepest.id)).await;
    }
    let target = Target::Comment(deepest.id);
    let refused = site.comments.publish(user, target, "c".to_owned()).await.unwrap_err();
    assert!(refused.public_message().starts_with("comment_id: "));
    site.comments.delete(user, top, None).await.unwrap();
    assert_eq!(site.sent(VIDEO).await, [], "all that came has gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_meet_a_deletion_leave_exact_counts() {
    let site = Site::open().await;
    let (user, video) = (site.id(0), site.id(1));
    let top = site.comment(user, Target::Video(video)).await;
    let replies = (0..40).map(|n| {
        let comments = site.comments.clone();
        tokio::spawn(async move {
            if n == 20 {
                return comments.delete(user, top.id, None).await;
            }
            comments.publish(user, Target::Comment(top.id), "c".to_owned()).await.map(drop)
        })
    });
    for done in join_all(replies).await {
        match done.unwrap() {
            Ok(()) | Err(InteractionError::CommentNotFound) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(site.sent(VIDEO).await, [], "every reply that was written was also deleted");
    assert_eq!(site.ids(Target::Video(video)).await, []);
}
