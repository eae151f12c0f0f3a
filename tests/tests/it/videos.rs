//! Publish, feed, list, popular, search, info, visit, delete.

use std::time::{SystemTime, UNIX_EPOCH};

use fanone_tests::{Client, Code, Json as _, Site, clips, eventually, unique};
use serde_json::Value;

const VIDEO_FIELDS: [&str; 12] = [
    "comment_count",
    "cover_url",
    "created_at",
    "deleted_at",
    "description",
    "id",
    "like_count",
    "title",
    "updated_at",
    "user_id",
    "video_url",
    "visit_count",
];

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

#[tokio::test]
async fn a_published_video_shows_exactly_the_fields_of_the_contract() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let title = unique("外滩的夜晚");

    let video = alice.publish(&title).await;

    let fields: Vec<_> = video.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, VIDEO_FIELDS);
    assert_eq!((video.text("title"), video.text("user_id")), (title, alice.id.clone()));
    assert_eq!(alice.video_info(&video.text("id")).await, video);
    for count in ["visit_count", "like_count", "comment_count"] {
        assert_eq!(video.count(count), 0, "{count}");
    }
    eventually("the author's video count", async || {
        match alice.user_info(&alice.id).await.count("video_count") {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn the_files_of_a_video_are_what_was_uploaded_and_a_picture() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("files").await;

    let file = site.guest().get(&video.text("video_url")).send().await;
    assert_eq!((file.status, file.header("content-type")), (200, "video/mp4"));
    assert_eq!(file.body, clips::clip(1));
    let cover = site.guest().get(&video.text("cover_url")).send().await;
    assert!(cover.header("content-type").starts_with("image/"), "{}", cover.header("content-type"));
    image::load_from_memory(&cover.body).unwrap();
}

#[tokio::test]
async fn the_file_may_come_before_the_fields() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let mut body =
        b"--b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.mp4\"\r\n\r\n".to_vec();
    body.extend(clips::clip(1));
    body.extend(b"\r\n--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nlate title\r\n--b--\r\n");
    let request = alice.post("/video/publish").body("multipart/form-data; boundary=b", body);
    request.send().await.success();
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.texts("title"), ["late title"]);
}

#[tokio::test]
async fn a_list_has_pages_from_zero_newest_first_and_a_total_of_all() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for title in ["one", "two", "three"] {
        alice.publish(title).await;
    }
    let page = async |num: u32| {
        let request = site.guest().get("/video/list").with("user_id", &alice.id).page(num, 2);
        request.send().await.success()
    };
    assert_eq!(page(0).await.texts("title"), ["three", "two"]);
    assert_eq!(page(1).await.texts("title"), ["one"]);
    assert_eq!(page(2).await.texts("title"), Vec::<String>::new());
    assert_eq!((page(0).await.count("total"), page(2).await.count("total")), (3, 3));
}

#[tokio::test]
async fn the_feed_starts_strictly_after_a_time_and_has_the_newest_first() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.publish("before").await;
    let after_first = now_ms();
    for title in ["second", "third"] {
        alice.publish(title).await;
    }
    let feed = async |latest_time: u128| {
        site.guest().get("/video/feed").with("latest_time", latest_time).send().await.success().texts("title")
    };
    assert_eq!(feed(after_first).await, ["third", "second"]);
    assert_eq!(feed(now_ms() + 1000).await, Vec::<String>::new());
    let everything = site.guest().get("/video/feed").send().await.success();
    assert_eq!(everything.texts("title"), ["third", "second", "before"]);
    assert!(everything.get("total").is_none());
}

#[tokio::test]
async fn a_feed_has_at_most_thirty_videos() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    for number in 0..31 {
        let request = alice.post("/video/publish").with("title", number);
        request.file("clip.mp4", clips::clip(1)).send().await.success();
    }
    let feed = alice.get("/video/feed").send().await.success();
    let expected: Vec<_> = (1..31).rev().map(|number| number.to_string()).collect();
    assert_eq!(feed.texts("title"), expected);
}

#[tokio::test]
async fn a_visit_counts_once_per_viewer_and_popular_goes_by_visits() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (quiet, loved) = (alice.publish("quiet").await, alice.publish("loved").await);
    let visit =
        |who: &Client, video: &Value| who.post("/video/visit").with("video_id", video.text("id")).send();
    for _ in 0..3 {
        visit(&bob, &loved).await.success();
    }
    visit(&alice, &loved).await.success();
    visit(&bob, &quiet).await.success();

    let popular = eventually("visits are counted", async || {
        let popular = site.guest().get("/video/popular").page(0, 10).send().await.success();
        let counts: Vec<_> = popular.items().iter().map(|video| video.count("visit_count")).collect();
        if counts == [2, 1] { Ok(popular) } else { Err(format!("{counts:?}")) }
    })
    .await;
    assert_eq!(popular.texts("title"), ["loved", "quiet"]);
    let second_page = site.guest().get("/video/popular").page(1, 1).send().await.success();
    assert_eq!(second_page.texts("title"), ["quiet"]);
}

#[tokio::test]
async fn a_guest_is_a_viewer_too() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let id = alice.publish("seen").await.text("id");
    for _ in 0..2 {
        site.guest().post("/video/visit").with("video_id", &id).send().await.success();
    }
    eventually("one visit", async || match alice.video_info(&id).await.count("visit_count") {
        1 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    site.guest().post("/video/visit").with("video_id", 1).send().await.not_found();
}

#[tokio::test]
async fn a_deleted_video_is_gone_everywhere_and_so_are_its_files() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let video = alice.publish("short-lived").await;
    let id = video.text("id");

    alice.delete("/video/delete").with("video_id", &id).send().await.success();

    alice.get("/video/info").with("video_id", &id).send().await.not_found();
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!((list.items().len(), list.count("total")), (0, 0));
    assert!(alice.get("/video/feed").send().await.success().items().is_empty());
    assert!(alice.get("/video/popular").send().await.success().items().is_empty());
    alice.delete("/video/delete").with("video_id", &id).send().await.not_found();
    eventually("the files go and the count follows", async || {
        let count = alice.user_info(&alice.id).await.count("video_count");
        let files = site.media_files();
        if (count, files.len()) == (0, 0) { Ok(()) } else { Err(format!("{count} {files:?}")) }
    })
    .await;
    assert_eq!(site.guest().get(&video.text("video_url")).send().await.status, 404);
}

mod search {
    use super::*;

    /// The titles found, after a check that `total` counts them.
    async fn titles(site: &Site, fields: &[(&str, &str)]) -> Vec<String> {
        let request = site.guest().post("/video/search").page(0, 100);
        let request = fields.iter().fold(request, |request, (name, value)| request.with(name, value));
        let found = request.send().await.success();
        assert_eq!(found.count("total"), found.items().len() as i64);
        let mut titles = found.texts("title");
        titles.sort();
        titles
    }

    #[tokio::test]
    async fn keywords_are_substrings_of_title_or_description_in_any_language() {
        let site = Site::start().await;
        let alice = site.user("alice").await;
        for title in ["上海外滩夜景", "北京的秋天", "100% cotton", "100 percent cotton", "under_score"]
        {
            alice.publish(title).await;
        }
        let find = async |keywords: &str| titles(&site, &[("keywords", keywords)]).await;

        assert_eq!(find("海外滩").await, ["上海外滩夜景"]);
        assert_eq!(find("秋").await, ["北京的秋天"]);
        assert_eq!(find("cotton").await, ["100 percent cotton", "100% cotton"]);
        assert_eq!(find("100%").await, ["100% cotton"], "a percent sign stands for itself");
        assert_eq!(find("r_s").await, ["under_score"], "so does an underscore");
        assert_eq!(find("没有").await, Vec::<String>::new());
        assert_eq!(find("a test").await.len(), 5, "the description is searched too");
        assert_eq!(find("").await.len(), 5, "no keywords: everything");
    }

    #[tokio::test]
    async fn all_conditions_hold_together() {
        let site = Site::start().await;
        let (alice, bob) = (site.user("alice").await, site.user("bob").await);
        alice.publish("cats of alice").await;
        bob.publish("cats of bob").await;
        let between = now_ms().to_string();
        bob.publish("dogs of bob").await;

        let all = |fields: &'static [&'static str]| {
            fields.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>()
        };
        let find = async |fields: &[(&str, &str)]| titles(&site, fields).await;
        let by_bob = ("username", bob.name.as_str());
        assert_eq!(find(&[("keywords", "cats"), by_bob]).await, all(&["cats of bob"]));
        assert_eq!(find(&[("keywords", ""), by_bob]).await, all(&["cats of bob", "dogs of bob"]));
        let since = ("from_date", between.as_str());
        let until = ("to_date", between.as_str());
        assert_eq!(find(&[("keywords", ""), since]).await, all(&["dogs of bob"]));
        assert_eq!(find(&[("keywords", "of"), until]).await, all(&["cats of alice", "cats of bob"]));
        assert_eq!(find(&[("keywords", "of"), by_bob, until]).await, all(&["cats of bob"]));
        assert_eq!(find(&[("keywords", ""), ("username", "nobody of that name")]).await, all(&[]));
    }

    #[tokio::test]
    async fn a_search_has_pages_and_a_total_of_all() {
        let site = Site::shared().await;
        let alice = site.user("alice").await;
        let word = unique("needle");
        for number in 0..3 {
            alice.publish(&format!("{word} {number}")).await;
        }
        let request = alice.post("/video/search").with("keywords", &word).page(1, 2);
        let page = request.send().await.success();
        assert_eq!((page.items().len(), page.count("total")), (1, 3));
    }
}

#[tokio::test]
async fn publishing_needs_a_title_of_bounded_length_and_a_file() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let publish = || alice.post("/video/publish").file("clip.mp4", clips::clip(1));
    publish().send().await.names_field("title");
    publish().with("title", "").send().await.names_field("title");
    publish().with("title", "长".repeat(5000)).send().await.names_field("title");
    publish()
        .with("title", "t")
        .with("description", "d".repeat(60_000))
        .send()
        .await
        .names_field("description");
    alice.post("/video/publish").with("title", "no file").send().await.names_field("data");
    let anonymous = site.guest().post("/video/publish").with("title", "t").file("clip.mp4", clips::clip(1));
    anonymous.send().await.refused(Code::NotLoggedIn);
}
