//! Likes of videos and comments, and the counts that follow them.

use fanone_tests::{Client, Code, Json as _, Site, eventually};

/// Waits until the video has `likes` likes and its author has received as many.
async fn eventually_liked(author: &Client, video_id: &str, likes: i64) {
    eventually("likes are counted", async || {
        let of_video = author.video_info(video_id).await.count("like_count");
        let of_author = author.user_info(&author.id).await.count("like_count");
        if (of_video, of_author) == (likes, likes) { Ok(()) } else { Err(format!("{of_video} {of_author}")) }
    })
    .await;
}

async fn liked_by(user: &Client) -> Vec<String> {
    user.get("/like/list").with("user_id", &user.id).page(0, 100).send().await.success().texts("title")
}

#[tokio::test]
async fn likes_are_listed_latest_first_and_counted_for_the_video_and_its_author() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (one, two) = (alice.publish("one").await.text("id"), alice.publish("two").await.text("id"));

    bob.like_video(&one, 1).await.success();
    eventually_liked(&alice, &one, 1).await;
    bob.like_video(&two, 1).await.success();

    assert_eq!(liked_by(&bob).await, ["two", "one"]);
    let own = bob.get("/like/list").send().await.success();
    assert_eq!(own.texts("title"), ["two", "one"], "without user_id: the caller's");
    site.guest().get("/like/list").send().await.refused(Code::NotLoggedIn);
    let second_page = site.guest().get("/like/list").with("user_id", &bob.id).page(1, 1).send().await;
    assert_eq!(second_page.success().texts("title"), ["one"]);
}

#[tokio::test]
async fn a_like_repeated_or_taken_back_twice_changes_nothing() {
    let site = Site::shared().await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    let id = alice.publish("liked").await.text("id");
    for _ in 0..3 {
        bob.like_video(&id, 1).await.success();
    }
    carol.like_video(&id, 1).await.success();
    eventually_liked(&alice, &id, 2).await;
    for _ in 0..3 {
        bob.like_video(&id, 2).await.success();
    }
    eventually_liked(&alice, &id, 1).await;
    assert!(liked_by(&bob).await.is_empty());
    carol.like_video(&id, 2).await.success();
    eventually_liked(&alice, &id, 0).await;
}

#[tokio::test]
async fn the_same_like_at_the_same_time_counts_once() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let id = alice.publish("stormed").await.text("id");
    let likes = futures::future::join_all((0..8).map(|_| bob.like_video(&id, 1))).await;
    likes.iter().for_each(|answer| _ = answer.success());
    eventually_liked(&alice, &id, 1).await;
}

#[tokio::test]
async fn comments_are_liked_too() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("commented").await.text("id");
    let comment = alice.comment(&video, "nice").await.text("id");

    bob.like_comment(&comment, 1).await.success();
    bob.like_comment(&comment, 1).await.success();

    eventually("the comment's like", async || {
        let list = site.guest().get("/comment/list").with("video_id", &video).page(0, 10).send().await;
        match list.success().items()[0].count("like_count") {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    assert!(liked_by(&bob).await.is_empty(), "a liked comment is no liked video");
}

#[tokio::test]
async fn a_deleted_video_takes_its_likes_from_its_author() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let id = alice.publish("loved and lost").await.text("id");
    bob.like_video(&id, 1).await.success();
    eventually_liked(&alice, &id, 1).await;

    alice.delete("/video/delete").with("video_id", &id).send().await.success();

    eventually("the author's likes", async || match alice.user_info(&alice.id).await.count("like_count") {
        0 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    assert!(liked_by(&bob).await.is_empty());
}

#[tokio::test]
async fn one_target_and_a_known_action_are_needed() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("target").await.text("id");
    let like = || alice.post("/like/action");

    like().with("action_type", 1).send().await.names_field("video_id");
    like()
        .with("action_type", 1)
        .with("video_id", &video)
        .with("comment_id", 1)
        .send()
        .await
        .names_field("video_id");
    for wrong in ["", "0", "3", "-1", "one"] {
        like().with("video_id", &video).with("action_type", wrong).send().await.names_field("action_type");
    }
    like().with("video_id", &video).send().await.names_field("action_type");
    alice.like_video("1", 1).await.not_found();
    alice.like_comment("1", 1).await.not_found();
}
