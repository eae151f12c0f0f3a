//! The document that the program serves about itself.

use std::collections::BTreeSet;

use fanone_tests::Site;
use serde_json::Value;

/// Every operation of the contract, without trailing slashes.
const OPERATIONS: [&str; 35] = [
    "DELETE /comment/delete",
    "DELETE /video/delete",
    "GET /auth/mfa/qrcode",
    "GET /comment/list",
    "GET /follower/list",
    "GET /following/list",
    "GET /friends/list",
    "GET /group/list",
    "GET /group/members",
    "GET /like/list",
    "GET /user/info",
    "GET /video/feed",
    "GET /video/info",
    "GET /video/list",
    "GET /video/popular",
    "GET /ws",
    "POST /auth/logout",
    "POST /auth/mfa/bind",
    "POST /auth/mfa/unbind",
    "POST /auth/refresh",
    "POST /comment/publish",
    "POST /group/create",
    "POST /group/join",
    "POST /group/leave",
    "POST /image/search",
    "POST /like/action",
    "POST /relation/action",
    "POST /upload",
    "POST /user/image/search",
    "POST /user/login",
    "POST /user/register",
    "POST /video/publish",
    "POST /video/search",
    "POST /video/visit",
    "PUT /user/avatar/upload",
];

async fn document(site: &Site) -> Value {
    let answer = site.guest().get("/openapi.json").send().await;
    assert_eq!(answer.status, 200);
    answer.json()
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let named = paths.iter().flat_map(|(path, methods)| {
        let path = path.trim_end_matches('/').to_owned();
        methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    named.collect()
}

#[tokio::test]
async fn every_operation_of_the_contract_is_described() {
    let site = Site::shared().await;
    let document = document(site).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let found = operations(&document);
    for operation in OPERATIONS {
        assert!(found.contains(operation), "{operation} is not in the document: {found:?}");
    }
    for start in ["GET /media/{", "HEAD /upload/{", "PATCH /upload/{", "DELETE /upload/{"] {
        let is_there = found.iter().any(|operation| operation.starts_with(start));
        assert!(is_there, "{start}…}} is not in the document: {found:?}");
    }
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_what_it_answers() {
    let site = Site::shared().await;
    let document = document(site).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            methods.as_object().unwrap().iter().filter(|(_, one)| one["responses"].is_object())
        {
            let says =
                operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            assert!(!says.is_empty(), "{method} {path} has no summary");
            assert!(
                !operation["responses"].as_object().unwrap().is_empty(),
                "{method} {path} has no response"
            );
        }
    }
}

#[tokio::test]
async fn every_error_code_is_in_the_document() {
    let site = Site::shared().await;
    let text = document(site).await.to_string();
    for code in fanone_tests::Code::ALL {
        assert!(text.contains(&code.number().to_string()), "{code:?} is not in the document");
    }
}

#[tokio::test]
async fn the_page_to_try_it_on_works_without_the_internet() {
    let site = Site::shared().await;
    let mut answer = site.guest().get("/docs").send().await;
    if matches!(answer.status, 301..=308) {
        let target = answer.header("location").to_owned();
        answer = site.guest().get(&target).send().await;
    }
    assert_eq!(answer.status, 200, "{}", answer.shown());
    let page = answer.text();
    assert!(page.contains("<html") || page.contains("<HTML"), "{page}");
    for outside in ["src=\"http", "src=\"//", "href=\"http", "href=\"//", "@import"] {
        assert!(!page.contains(outside), "the page loads something from elsewhere: {outside}");
    }
}
