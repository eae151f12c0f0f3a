//! Who may do what: generated from the API document, so that no operation can be forgotten.

use fanone_tests::{Code, Json as _, Request, Site, clips};
use reqwest::Method;
use serde_json::Value;

/// What the contract marks as "auth"; the tus methods on one upload share a path.
const NEEDS_LOGIN: [(&str, &str); 19] = [
    ("POST", "/auth/logout"),
    ("POST", "/auth/mfa/bind"),
    ("GET", "/auth/mfa/qrcode"),
    ("POST", "/auth/mfa/unbind"),
    ("DELETE", "/comment/delete"),
    ("POST", "/comment/publish"),
    ("GET", "/friends/list"),
    ("POST", "/group/create"),
    ("POST", "/group/join"),
    ("POST", "/group/leave"),
    ("GET", "/group/list"),
    ("GET", "/group/members"),
    ("POST", "/like/action"),
    ("POST", "/relation/action"),
    ("POST", "/upload"),
    ("PUT", "/user/avatar/upload"),
    ("DELETE", "/video/delete"),
    ("POST", "/video/publish"),
    ("GET", "/ws"),
];

struct Operation {
    method: Method,
    path: String,
}

/// The operations that the document says need a login.
async fn protected(site: &Site) -> Vec<Operation> {
    let document = site.guest().get("/openapi.json").send().await.json();
    let by_default = needs_login(document.get("security"));
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let own = operation.get("security");
            if own.map_or(by_default, |own| needs_login(Some(own))) {
                found.push(Operation { method, path: path.clone() });
            }
        }
    }
    found
}

/// A list with `{}` in it means that a login is possible but not needed. Who sends a refresh token alone renews a
/// login, which `sessions` tests.
fn needs_login(security: Option<&Value>) -> bool {
    let Some(ways) = security.and_then(Value::as_array) else { return false };
    let is_login =
        |way: &Value| way.as_object().is_some_and(|way| !way.is_empty() && !way.contains_key("refresh"));
    !ways.is_empty() && ways.iter().all(is_login)
}

fn request(site: &Site, operation: &Operation) -> Request {
    // Any value does for a parameter in the path: the login is asked for first.
    let parts: Vec<_> =
        operation.path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
    let path = parts.join("/");
    let guest = site.guest();
    match operation.path.trim_end_matches('/') {
        "/ws" => guest
            .get(&path)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        upload if upload.starts_with("/upload") => guest.tus(operation.method.clone(), &path),
        _ => guest.request(operation.method.clone(), &path),
    }
}

/// HEAD has no body to read a code from.
fn assert_refused(operation: &Operation, answer: &fanone_tests::Answer, codes: &[i64]) {
    if operation.method == Method::HEAD {
        assert_eq!(answer.status, 401, "HEAD {}", operation.path);
        return;
    }
    assert!(codes.contains(&answer.code()), "{} {}: {}", operation.method, operation.path, answer.shown());
    assert!(matches!(answer.status, 200 | 401), "{}", answer.shown());
}

#[tokio::test]
async fn the_document_protects_what_the_contract_protects() {
    let site = Site::shared().await;
    let protected = protected(site).await;
    for (method, path) in NEEDS_LOGIN {
        let is_there =
            protected.iter().any(|one| one.method == method && one.path.trim_end_matches('/') == path);
        assert!(is_there, "{method} {path} needs a login, says the contract");
    }
    let uploads =
        protected.iter().filter(|one| one.path.starts_with("/upload/") && one.path.contains('{')).count();
    assert!(uploads >= 3, "HEAD, PATCH and DELETE of one upload need a login");
}

#[tokio::test]
async fn without_a_token_nothing_that_needs_one_is_done() {
    let site = Site::shared().await;
    for operation in protected(site).await {
        let answer = request(site, &operation).send().await;
        assert_refused(&operation, &answer, &[11001]);
    }
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for operation in protected(site).await {
        let answer = request(site, &operation).header("access-token", &alice.refresh).send().await;
        assert_refused(&operation, &answer, &[11001, 11003]);
        let bearer = format!("Bearer {}", alice.refresh);
        let answer = request(site, &operation).header("authorization", &bearer).send().await;
        assert_refused(&operation, &answer, &[11001, 11003]);
    }
}

#[tokio::test]
async fn a_token_of_another_site_opens_nothing() {
    let site = Site::shared().await;
    let elsewhere = Site::start().await;
    let stranger = elsewhere.user("stranger").await;
    for operation in protected(site).await {
        let answer = request(site, &operation).header("access-token", &stranger.access).send().await;
        assert_refused(&operation, &answer, &[11001]);
    }
}

#[tokio::test]
async fn another_users_things_stay_as_they_are() {
    let site = Site::shared().await;
    let (alice, eve) = (site.user("alice").await, site.user("eve").await);
    let video = alice.publish("mine").await.text("id");
    let comment = alice.comment(&video, "mine too").await.text("id");
    let group = alice.create_group("ours").await;

    eve.delete("/video/delete").with("video_id", &video).send().await.refused(Code::Forbidden);
    eve.delete("/comment/delete").with("comment_id", &comment).send().await.refused(Code::Forbidden);
    let members = eve.get("/group/members").with("group_id", &group).page(0, 10).send().await;
    members.refused(Code::NotAMember);

    assert_eq!(alice.video_info(&video).await.text("title"), "mine");
    let comments = alice.get("/comment/list").with("video_id", &video).page(0, 10).send().await.success();
    assert_eq!(comments.texts("content"), ["mine too"]);
}

#[tokio::test]
async fn who_acts_comes_from_the_token_alone() {
    let site = Site::shared().await;
    let (alice, eve) = (site.user("alice").await, site.user("eve").await);
    let publish = eve.post("/video/publish").with("title", "not yours").with("user_id", &alice.id);
    let publish = publish.header("x-user-id", &alice.id).query("user_id", &alice.id);
    publish.file("clip.mp4", clips::clip(1)).send().await.success();
    let follow = eve.post("/relation/action").with("user_id", &alice.id).with("to_user_id", &alice.id);
    follow.with("action_type", 0).send().await.success();

    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 0);
    let following =
        alice.get("/following/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(following.count("total"), 0);
}
