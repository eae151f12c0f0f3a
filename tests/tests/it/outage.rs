//! One service is down. Only where each is a process of its own: one process is up or down as a whole.

use fanone_tests::{Code, Json as _, Site, eventually};

#[tokio::test]
async fn what_needs_the_service_says_so_and_all_else_goes_on() {
    let mut site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("meanwhile").await.text("id");
    if !site.kill_service("interaction").await {
        return;
    }

    bob.like_video(&video, 1).await.rejected(503, Code::Unavailable);
    bob.get("/like/list").send().await.rejected(503, Code::Unavailable);
    assert_eq!(bob.get("/video/feed").send().await.success().texts("title"), ["meanwhile"]);
    bob.follow(&alice.id, 0).await.success();

    site.launch().await;
    eventually("likes are taken again", async || match bob.like_video(&video, 1).await.code() {
        10000 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn counters_wait_for_the_service_that_shows_them() {
    let mut site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("patient").await.text("id");
    if !site.kill_service("user").await {
        return;
    }
    bob.like_video(&video, 1).await.success();
    eventually("the video has its like", async || match bob.video_info(&video).await.count("like_count") {
        1 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    alice.get("/user/info").send().await.rejected(503, Code::Unavailable);

    site.launch().await;
    eventually("so has its author", async || {
        let answer = alice.get("/user/info").send().await;
        if answer.is_success() && answer.success().count("like_count") == 1 {
            Ok(())
        } else {
            Err(answer.shown())
        }
    })
    .await;
}
