//! What holds for every operation: both slash forms, three encodings, real statuses in the envelope.

use fanone_tests::{Code, Encoding, Json as _, Site, raw, unique};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_trailing_slash_makes_no_difference() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for path in ["/video/feed", "/video/feed/", "/video/popular", "/video/popular/", "/friends/list/"] {
        alice.get(path).send().await.success();
    }
    let search = alice.post("/video/search/").with("keywords", "").page(0, 10).send().await;
    search.success();
    alice.follow(&site.user("bob").await.id, 0).await.success();
    let unfollow = alice.post("/relation/action/").with("to_user_id", &alice.id).with("action_type", 0);
    assert_eq!(unfollow.send().await.status, 200);
}

#[tokio::test]
async fn a_body_may_be_multipart_urlencoded_or_json() {
    let site = Site::shared().await;
    for encoding in [Encoding::Multipart, Encoding::Urlencoded, Encoding::Json] {
        let name = unique("alice");
        let send = |path: &str| {
            let request =
                site.guest().post(path).with("username", &name).with("password", "pass + word & 密码");
            request.encoded(encoding).send()
        };
        send("/user/register").await.success();
        assert_eq!(send("/user/login").await.success().text("username"), name, "{encoding:?}");
    }
}

#[tokio::test]
async fn numbers_in_json_may_be_numbers_and_ids_may_be_strings() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("json").await.text("id");
    let like = json!({"video_id": video, "action_type": 1});
    alice.post("/like/action").json(&like).send().await.success();
    let search = json!({"keywords": "json", "page_num": 0, "page_size": 5, "username": alice.name});
    assert_eq!(alice.post("/video/search").json(&search).send().await.success().count("total"), 1);
}

#[tokio::test]
async fn delete_takes_its_fields_from_every_place() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for encoding in [Encoding::Multipart, Encoding::Urlencoded, Encoding::Json] {
        let id = alice.publish("temporary").await.text("id");
        alice.delete("/video/delete").with("video_id", id).encoded(encoding).send().await.success();
    }
    let id = alice.publish("temporary").await.text("id");
    alice.delete("/video/delete").query("video_id", id).send().await.success();
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_get_the_envelope_at_their_status() {
    let site = Site::shared().await;
    let guest = site.guest();
    for path in ["/", "/nothing", "/video", "/video/feed/more", "/user/info/../nothing", "/上海"] {
        if path == "/" {
            // The root may be a page of its own.
            continue;
        }
        guest.get(path).send().await.rejected(404, Code::NotFound);
    }
    for (method, path) in [
        (Method::POST, "/video/feed"),
        (Method::GET, "/user/register"),
        (Method::DELETE, "/user/login"),
        (Method::PUT, "/like/action/"),
    ] {
        guest.request(method.clone(), path).send().await.rejected_at(405);
    }
}

#[tokio::test]
async fn a_body_of_another_kind_is_an_unsupported_media_type() {
    let site = Site::shared().await;
    let guest = site.guest();
    for kind in ["text/plain", "application/xml", "image/png"] {
        guest.post("/user/register").body(kind, "username=alice").send().await.rejected_at(415);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_parsed_is_a_bad_request() {
    let site = Site::shared().await;
    let guest = site.guest();
    for (kind, body) in [
        ("application/json", "{\"username\":"),
        ("application/json", "[1,2"),
        ("application/json", ""),
        ("multipart/form-data", "no boundary"),
        ("multipart/form-data; boundary=x", "no parts at all"),
        ("multipart/form-data; boundary=x", "--x\r\nno header\r\n\r\nvalue\r\n--x--\r\n"),
    ] {
        let answer = guest.post("/user/register").body(kind, body).send().await;
        answer.rejected(400, Code::Parameter);
    }
}

#[tokio::test]
async fn half_a_multipart_body_stores_nothing() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhalf\r\n\
        --b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.mp4\"\r\n\r\n"
        .to_vec();
    body.extend(fanone_tests::clips::clip(1));
    let request = alice.post("/video/publish").body("multipart/form-data; boundary=b", body.clone());
    request.send().await.rejected(400, Code::Parameter);

    // The same, but the client hangs up although it announced more.
    let head = format!(
        "POST /video/publish HTTP/1.1\r\nHost: site\r\nAccess-Token: {}\r\nContent-Length: {}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\n\r\n",
        alice.access,
        body.len() + 1000,
    );
    raw::exchange(&site.http_address(), &[head.as_bytes(), &body].concat()).await;

    fanone_tests::eventually("nothing is stored", async || {
        let files = site.media_files();
        if files.is_empty() { Ok(()) } else { Err(format!("{files:?}")) }
    })
    .await;
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_by_length_and_in_chunks() {
    let site = Site::shared().await;
    let guest = site.guest();
    let body = format!("username=alice&password={}", "x".repeat(70_000));
    let kind = "application/x-www-form-urlencoded";
    guest.post("/user/register").body(kind, body.clone()).send().await.rejected_at(413);

    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.as_bytes().chunks(1000).map(|p| Ok(p.to_vec())).collect();
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    guest.post("/user/register").body(kind, chunked).send().await.rejected_at(413);

    let json = json!({"username": "alice", "password": "x".repeat(70_000)});
    guest.post("/user/register").json(&json).send().await.rejected_at(413);
    let multipart =
        guest.post("/user/register").with("username", "alice").with("password", "x".repeat(70_000));
    multipart.send().await.rejected_at(413);
}

#[tokio::test]
async fn a_head_that_is_too_long_or_never_ends_does_not_hold_the_site() {
    let site = Site::with(&[("http.header_timeout_ms", "1000")]).await;
    let endless =
        format!("GET /video/feed HTTP/1.1\r\nHost: site\r\nX-Long: {}\r\n\r\n", "x".repeat(2_000_000));
    let answer = raw::exchange(&site.http_address(), endless.as_bytes()).await;
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned);
    assert!(matches!(status.as_deref(), None | Some("400" | "431")), "{status:?}");

    let mut silent = raw::connect(&site.http_address()).await;
    tokio::io::AsyncWriteExt::write_all(&mut silent, b"GET /video/feed HTTP/1.1\r\nHost:").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut rest);
    tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.expect("the site hangs up").ok();
    site.guest().get("/video/feed").send().await.success();
}
