use fanone_base::{Id, Page};
use futures::future::join_all;

use super::Target;
use crate::{
    counters::{INTERACTION, VIDEO, count_comment_likes},
    error::InteractionError,
    testing::Site,
};

/// VIDEO_LIKES in the IDL.
const LIKES: i32 = 1;

#[tokio::test]
async fn a_repeated_like_changes_nothing() {
    let site = Site::open().await;
    let (user, video) = (site.id(0), site.id(1));
    for _ in 0..3 {
        site.likes.like(user, Target::Video(video)).await.unwrap();
    }
    assert_eq!(site.sent(VIDEO).await, [(LIKES, video, 1)]);
    for _ in 0..3 {
        site.likes.unlike(user, Target::Video(video)).await.unwrap();
    }
    assert_eq!(site.sent(VIDEO).await, [(LIKES, video, -1)]);
    assert_eq!(site.likes.liked_videos(user, Page { num: 0, size: 10 }).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_likes_at_once_count_once() {
    let site = Site::open().await;
    let (user, video) = (site.id(1), site.id(0));
    let likes = (0..100).map(|_| {
        let likes = site.likes.clone();
        tokio::spawn(async move { likes.like(user, Target::Video(video)).await })
    });
    for done in join_all(likes).await {
        done.unwrap().unwrap();
    }
    assert_eq!(site.sent(VIDEO).await, [(LIKES, video, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn likes_of_many_users_add_up() {
    let site = Site::open().await;
    let video = site.id(0);
    let likes = (0..60).map(|n| {
        let (likes, user) = (site.likes.clone(), site.id(n % 2));
        tokio::spawn(async move { likes.like(user, Target::Video(video)).await })
    });
    for done in join_all(likes).await {
        done.unwrap().unwrap();
    }
    assert_eq!(site.sent(VIDEO).await, [(LIKES, video, 30), (LIKES, video, 30)], "30 in each shard");
}

#[tokio::test]
async fn liked_videos_come_latest_like_first() {
    let site = Site::open().await;
    let user = site.id(0);
    let mut videos: Vec<Id> = (0..5).map(|n| site.id(n % 2)).collect();
    // Not in the order of their ids.
    videos.swap(0, 3);
    for video in &videos {
        site.likes.like(user, Target::Video(*video)).await.unwrap();
    }
    let comment = site.comments.publish(user, Target::Video(site.id(1)), "c".to_owned()).await.unwrap();
    site.likes.like(user, Target::Comment(comment.id)).await.unwrap();
    videos.reverse();
    let first = site.likes.liked_videos(user, Page { num: 0, size: 3 }).await.unwrap();
    let second = site.likes.liked_videos(user, Page { num: 1, size: 3 }).await.unwrap();
    assert_eq!([first, second].concat(), videos);
}

#[tokio::test]
async fn likes_of_a_comment_reach_its_count_exactly_once() {
    let site = Site::open().await;
    let author = site.id(0);
    let comment = site.comments.publish(author, Target::Video(site.id(1)), "c".to_owned()).await.unwrap();
    for n in 0..4 {
        site.likes.like(site.id(n % 2), Target::Comment(comment.id)).await.unwrap();
    }
    for shard in site.store.shards() {
        count_comment_likes(site.store.clone(), shard.clone(), 3).await.unwrap();
    }
    assert_eq!(site.sent(INTERACTION).await, [], "nothing is left to deliver");
    assert_eq!(site.comments.find(comment.id).await.unwrap().like_count, 4);
    assert_eq!(site.sent(VIDEO).await.len(), 1, "only the comment itself is told to the video");
}

#[tokio::test]
async fn a_comment_that_is_gone_can_be_unliked_but_not_liked() {
    let site = Site::open().await;
    let (user, other) = (site.id(0), site.id(1));
    let comment = site.comments.publish(user, Target::Video(site.id(1)), "c".to_owned()).await.unwrap();
    let target = Target::Comment(comment.id);
    site.likes.like(user, target).await.unwrap();
    site.comments.delete(user, comment.id, None).await.unwrap();
    let refused = site.likes.like(other, target).await.unwrap_err();
    assert!(matches!(refused, InteractionError::CommentNotFound));
    site.likes.unlike(user, target).await.unwrap();
    assert_eq!(site.sent(INTERACTION).await, [], "one like and its undo sum up to nothing");
    let unknown = site.likes.like(user, Target::Comment(Id(5))).await.unwrap_err();
    assert!(matches!(unknown, InteractionError::CommentNotFound));
}
