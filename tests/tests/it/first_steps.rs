//! What a newcomer meets first: the start message, the seeded world, covers without ffmpeg.

use fanone_tests::{Chat, Json as _, Site, clips, eventually, site::SERVICES};
use serde_json::json;

#[tokio::test]
async fn the_start_message_says_what_runs_where_and_what_to_try() {
    let site = Site::start().await;
    let told = site.log();
    for (service, address) in SERVICES.iter().zip(site.rpc_addresses()) {
        let is_told = told.lines().any(|line| line.contains(service) && line.contains(&address));
        assert!(is_told, "{service} at {address} is not in:\n{told}");
    }
    for admin in site.admin_urls("") {
        let address = admin.trim_start_matches("http://");
        assert!(told.lines().any(|line| line.contains("admin") && line.contains(address)), "{told}");
    }
    for hint in [&site.http_address(), &site.url("/docs"), "data", "fanone seed", "Ctrl-C"] {
        assert!(told.contains(hint), "{hint} is not in:\n{told}");
    }
}

#[tokio::test]
async fn seed_makes_a_living_site() {
    // With the limits that a newcomer has, but for the requests of one address: the seed would wait for them.
    let site = Site::with(&[("limits.enabled", "true"), ("limits.requests_per_ip", "100000")]).await;
    let arguments = ["seed", "--url", &site.url(""), "--password", "a-seeded-password"];

    let seeded = site.command_output(&arguments).await;

    let told = String::from_utf8(seeded.stdout).unwrap();
    assert!(seeded.status.success(), "{told}{}", String::from_utf8_lossy(&seeded.stderr));
    assert!(told.contains("20 users, 60 videos"), "{told}");
    let guest = site.guest();
    let videos = guest.get("/video/popular").page(0, 100).send().await.success().items();
    assert_eq!(videos.len(), 60);
    for video in &videos {
        assert_eq!(guest.head(&video.text("cover_url")).send().await.status, 200, "{video}");
        assert_eq!(guest.head(&video.text("video_url")).send().await.status, 200, "{video}");
    }
    eventually("likes and comments are counted", async || {
        let videos = guest.get("/video/popular").page(0, 100).send().await.success().items();
        let sum = |count: &str| videos.iter().map(|video| video.count(count)).sum::<i64>();
        // 14 likes of each user; three comments and a reply for each video.
        let seen =
            (sum("like_count"), sum("comment_count"), videos.iter().any(|v| v.count("visit_count") > 1));
        if seen == (20 * 14, 60 * 4, true) { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    let (mut one, name) = (site.guest(), told.split(" log in as ").nth(1).unwrap());
    let me = one.login(name.split(',').next().unwrap(), "a-seeded-password").await.success();
    let following = one.get("/following/list").with("user_id", me.text("id")).page(0, 100).send().await;
    assert_eq!(following.success().count("total"), 6);
    let avatar = guest.head(&me.text("avatar_url")).send().await;
    assert_eq!(avatar.status, 200);
    let talks = Chat::connect(&site, &one).await.ask(6, json!({})).await.success().items();
    assert_eq!(talks.len(), 1, "the first user talked with the second");
}

#[tokio::test]
async fn seed_without_a_site_says_how_to_start_one() {
    let site = Site::shared().await;
    let nobody = site.command_output(&["seed", "--url", "http://127.0.0.1:1"]).await;
    let told = String::from_utf8(nobody.stderr).unwrap();
    assert!(!nobody.status.success() && told.contains("cargo run"), "{told}");
}

#[tokio::test]
async fn without_ffmpeg_covers_are_drawn_and_the_log_says_once_how_to_get_frames() {
    let site = Site::with(&[("media.ffmpeg", "no-program-of-this-name")]).await;
    let alice = site.user("alice").await;
    let mut covers = Vec::new();
    for title in ["夏天的海", "winter"] {
        let video = alice.publish_clip(title, clips::clip(1)).await;
        let cover = site.guest().get(&video.text("cover_url")).send().await;
        image::load_from_memory(&cover.body).unwrap();
        covers.push(cover.body);
    }
    assert_ne!(covers[0], covers[1], "the same clip: the titles are on the cards");
    let log = site.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("no_ffmpeg")).collect();
    assert_eq!(told.len(), site.front_addresses().len(), "{log}");
    assert!(told[0].contains("install ffmpeg"), "{}", told[0]);
}
