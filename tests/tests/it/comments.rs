//! Comments and replies, nested as deep as people like.

use fanone_tests::{Client, Code, Json as _, Site, eventually};
use serde_json::Value;

const COMMENT_FIELDS: [&str; 10] = [
    "child_count",
    "content",
    "created_at",
    "deleted_at",
    "id",
    "like_count",
    "parent_id",
    "updated_at",
    "user_id",
    "video_id",
];

async fn list(who: &Client, field: &str, id: &str) -> Vec<Value> {
    who.get("/comment/list").with(field, id).page(0, 100).send().await.success().items()
}

fn delete(who: &Client, comment_id: &str) -> fanone_tests::Request {
    who.delete("/comment/delete").with("comment_id", comment_id)
}

async fn eventually_commented(author: &Client, video_id: &str, comments: i64) {
    eventually("comments are counted", async || {
        match author.video_info(video_id).await.count("comment_count") {
            count if count == comments => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_reply_belongs_to_its_comment_and_both_count_for_the_video() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("discussed").await.text("id");

    let comment = bob.comment(&video, "first! 第一").await;
    let reply = alice.reply(&comment.text("id"), "thanks").await;
    let deeper = bob.reply(&reply.text("id"), "you are welcome").await;

    let fields: Vec<_> = comment.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, COMMENT_FIELDS);
    assert_eq!((comment.text("parent_id"), comment.text("user_id")), (String::new(), bob.id.clone()));
    assert_eq!((reply.text("parent_id"), reply.text("video_id")), (comment.text("id"), video.clone()));
    assert_eq!(deeper.text("parent_id"), reply.text("id"));
    let top = list(&site.guest(), "video_id", &video).await;
    assert_eq!((top.len(), top[0].count("child_count")), (1, 1), "top level only, direct replies only");
    eventually_commented(&alice, &video, 3).await;
}

#[tokio::test]
async fn comments_have_pages_newest_first() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("long talk").await.text("id");
    for number in 0..12 {
        alice
            .post("/comment/publish")
            .with("video_id", &video)
            .with("content", number)
            .send()
            .await
            .success();
    }
    let get = |request: fanone_tests::Request| async move { request.send().await.success().texts("content") };
    let all = || site.guest().get("/comment/list").with("video_id", &video);
    assert_eq!(get(all()).await.len(), 10, "ten on a page unless one asks for another number");
    assert_eq!(get(all().page(0, 2)).await, ["11", "10"]);
    assert_eq!(get(all().page(5, 2)).await, ["1", "0"]);
    assert!(get(all().page(6, 2)).await.is_empty());
}

#[tokio::test]
async fn deleting_a_comment_takes_all_below_it() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("moderated").await.text("id");
    let stays = alice.comment(&video, "stays").await.text("id");
    let goes = bob.comment(&video, "goes").await.text("id");
    let child = alice.reply(&goes, "child").await.text("id");
    bob.reply(&child, "grandchild").await;
    let reply = bob.reply(&stays, "reply").await.text("id");
    eventually_commented(&alice, &video, 5).await;

    delete(&bob, &goes).with("video_id", &video).send().await.success();
    eventually_commented(&alice, &video, 2).await;
    delete(&bob, &reply).send().await.success();
    eventually_commented(&alice, &video, 1).await;

    let left = list(&site.guest(), "video_id", &video).await;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].text("content"), left[0].count("child_count")), ("stays".to_owned(), 0));
    for gone in [&goes, &child] {
        bob.post("/comment/publish")
            .with("comment_id", gone)
            .with("content", "late")
            .send()
            .await
            .not_found();
        bob.like_comment(gone, 1).await.not_found();
        delete(&bob, gone).send().await.not_found();
    }
}

#[tokio::test]
async fn only_the_author_deletes_and_only_from_the_right_video() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (video, other) = (alice.publish("one").await.text("id"), alice.publish("two").await.text("id"));
    let comment = bob.comment(&video, "mine").await.text("id");

    delete(&alice, &comment).send().await.refused(Code::Forbidden);
    assert!(!delete(&bob, &comment).with("video_id", &other).send().await.is_success());
    assert_eq!(list(&alice, "video_id", &video).await.len(), 1);
    let by_query = bob.delete("/comment/delete").query("comment_id", &comment);
    by_query.send().await.success();
}

#[tokio::test]
async fn a_comment_needs_one_target_and_some_content() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("target").await.text("id");
    let comment = || alice.post("/comment/publish");

    comment().with("content", "x").send().await.names_field("video_id");
    let both = comment().with("content", "x").with("video_id", &video).with("comment_id", 1);
    both.send().await.names_field("video_id");
    for content in ["", &"长".repeat(20_000)] {
        comment().with("video_id", &video).with("content", content).send().await.names_field("content");
    }
    comment().with("video_id", 1).with("content", "x").send().await.not_found();
    comment().with("comment_id", 1).with("content", "x").send().await.not_found();
    alice.get("/comment/list").page(0, 10).send().await.names_field("video_id");
    alice.get("/comment/list").with("video_id", 1).page(0, 10).send().await.not_found();
    assert!(list(&alice, "video_id", &video).await.is_empty(), "nothing of that is stored");
}
