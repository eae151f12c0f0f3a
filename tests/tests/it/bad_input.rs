//! Fields that are missing, too long, of the wrong type, not UTF-8, out of range or unknown: each is
//! named, none is a fault of the site's.

use fanone_tests::{Client, Json as _, Request, Site};
use serde_json::json;

/// Every list with pages, and the fields that it needs beside them.
fn lists(user: &Client, video: &str) -> Vec<Request> {
    vec![
        user.get("/video/list").with("user_id", &user.id),
        user.get("/video/popular"),
        user.post("/video/search").with("keywords", ""),
        user.get("/like/list").with("user_id", &user.id),
        user.get("/comment/list").with("video_id", video),
        user.get("/following/list").with("user_id", &user.id),
        user.get("/follower/list").with("user_id", &user.id),
        user.get("/friends/list"),
        user.get("/group/list"),
    ]
}

#[tokio::test]
async fn a_page_counts_from_zero_and_has_one_to_a_hundred_rows() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("paged").await.text("id");
    for num in ["-1", "one", "1.5", "99999999999999999999", "9223372036854775807", "2147483648", " "] {
        for list in lists(&alice, &video) {
            list.page(num, 10).send().await.names_field("page_num");
        }
    }
    for size in ["0", "-1", "101", "ten", "99999999999999999999", "4294967297"] {
        for list in lists(&alice, &video) {
            list.page(0, size).send().await.names_field("page_size");
        }
    }
    for list in lists(&alice, &video) {
        list.page(0, 100).send().await.success();
    }
    for list in lists(&alice, &video) {
        assert!(list.page(100, 100).send().await.success().items().is_empty());
    }
}

/// Every operation that takes an id, and the name of the field.
fn with_ids(user: &Client) -> Vec<(Request, &'static str)> {
    let fields = |path: &str, field: &'static str| match path {
        "/like/action" | "/relation/action" => (user.post(path).with("action_type", 1), field),
        "/comment/publish" => (user.post(path).with("content", "x"), field),
        "/comment/delete" | "/video/delete" => (user.delete(path), field),
        "/video/visit" | "/group/join" | "/group/leave" => (user.post(path), field),
        _ => (user.get(path), field),
    };
    [
        ("/user/info", "user_id"),
        ("/video/info", "video_id"),
        ("/video/visit", "video_id"),
        ("/video/list", "user_id"),
        ("/video/delete", "video_id"),
        ("/like/action", "video_id"),
        ("/like/action", "comment_id"),
        ("/like/list", "user_id"),
        ("/comment/publish", "video_id"),
        ("/comment/publish", "comment_id"),
        ("/comment/list", "video_id"),
        ("/comment/list", "comment_id"),
        ("/comment/delete", "comment_id"),
        ("/relation/action", "to_user_id"),
        ("/following/list", "user_id"),
        ("/follower/list", "user_id"),
        ("/group/join", "group_id"),
        ("/group/leave", "group_id"),
        ("/group/members", "group_id"),
    ]
    .map(|(path, field)| fields(path, field))
    .into()
}

#[tokio::test]
async fn what_is_no_id_is_refused_by_name() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for id in ["abc", "-1", "0", "1.5", "99999999999999999999", "9223372036854775808", "0x10", "' OR 1=1 --"]
    {
        for (request, field) in with_ids(&alice) {
            request.with(field, id).send().await.names_field(field);
        }
    }
}

#[tokio::test]
async fn unknown_ids_are_not_found() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for id in ["1", "9223372036854775807"] {
        for (request, field) in with_ids(&alice) {
            request.with(field, id).send().await.not_found();
        }
    }
}

#[tokio::test]
async fn a_required_field_that_is_missing_is_named() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for (request, field) in [
        (alice.post("/user/register").with("password", "12345678"), "username"),
        (alice.post("/user/register").with("username", "alice"), "password"),
        (alice.post("/user/login").with("password", "12345678"), "username"),
        (alice.post("/auth/mfa/bind"), "code"),
        (alice.get("/video/info"), "video_id"),
        (alice.get("/video/list").page(0, 10), "user_id"),
        (alice.post("/video/visit"), "video_id"),
        (alice.delete("/video/delete"), "video_id"),
        (alice.delete("/comment/delete"), "comment_id"),
        (alice.get("/following/list"), "user_id"),
        (alice.get("/follower/list"), "user_id"),
        (alice.post("/relation/action").with("action_type", 0), "to_user_id"),
        (alice.post("/group/join"), "group_id"),
        (alice.get("/group/members"), "group_id"),
        (alice.put("/user/avatar/upload"), "data"),
    ] {
        request.send().await.names_field(field);
    }
}

#[tokio::test]
async fn json_of_the_wrong_type_is_named() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for (path, body, field) in [
        ("/user/register", json!({"username": 5, "password": "12345678"}), "username"),
        ("/user/register", json!({"username": ["alice"], "password": "12345678"}), "username"),
        ("/user/register", json!({"username": "alice", "password": {"is": "secret"}}), "password"),
        ("/user/register", json!({"username": null, "password": "12345678"}), "username"),
        ("/like/action", json!({"video_id": {"id": 1}, "action_type": 1}), "video_id"),
        ("/like/action", json!({"video_id": "1", "action_type": true}), "action_type"),
        ("/like/action", json!({"video_id": "1", "action_type": 1.5}), "action_type"),
        ("/video/search", json!({"keywords": "", "page_num": 1e300, "page_size": 10}), "page_num"),
    ] {
        alice.post(path).json(&body).send().await.names_field(field);
    }
    for body in [json!([]), json!("text"), json!(null), json!(5)] {
        let answer = alice.post("/user/register").json(&body).send().await;
        assert_eq!(answer.code(), 10002, "{}", answer.shown());
    }
}

#[tokio::test]
async fn what_is_not_utf8_is_refused() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let register = |kind: &str, body: &[u8]| alice.post("/user/register").body(kind, body.to_vec()).send();

    let form = "application/x-www-form-urlencoded";
    register(form, b"password=12345678&username=%ff%fe").await.names_field("username");
    let part = b"--b\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n\xff\xfe\r\n--b--\r\n";
    register("multipart/form-data; boundary=b", part).await.names_field("username");
    let json = register("application/json", b"{\"username\":\"\xff\xfe\"}").await;
    assert_eq!(json.code(), 10002, "{}", json.shown());

    let query = alice.get("/user/info?user_id=%ff").send().await;
    query.names_field("user_id");
}

#[tokio::test]
async fn a_field_twice_is_refused_or_one_of_the_two_counts() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let answer = alice.get("/video/info").with("video_id", 1).with("video_id", "abc").send().await;
    assert!(matches!(answer.code(), 10002 | 13001), "{}", answer.shown());
}

#[tokio::test]
async fn dates_are_milliseconds() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let search = || alice.post("/video/search").with("keywords", "").page(0, 10);
    for wrong in ["-1", "2024-01-01", "99999999999999999999"] {
        search().with("from_date", wrong).send().await.names_field("from_date");
        search().with("to_date", wrong).send().await.names_field("to_date");
        alice.get("/video/feed").with("latest_time", wrong).send().await.names_field("latest_time");
    }
    search().with("keywords", "x".repeat(10_000)).send().await.code();
}

#[tokio::test]
async fn hostile_texts_are_only_texts() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let texts = [
        "'; DROP TABLE videos; --",
        "<script>alert(1)</script>",
        "\u{202e}txt.exe",
        "💩",
        "\\",
        "%",
        "{{7*7}}",
    ];
    for text in texts {
        let video = alice.publish(text).await;
        assert_eq!(video.text("title"), text);
        let comment = alice.comment(&video.text("id"), text).await;
        assert_eq!(comment.text("content"), text);
        let search =
            alice.post("/video/search").with("keywords", text).with("username", &alice.name).page(0, 10);
        assert_eq!(search.send().await.success().texts("title"), [text], "{text}");
    }
}
