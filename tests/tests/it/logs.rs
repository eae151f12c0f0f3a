//! The log: one line per request, ids in it, never a secret.

use fanone_tests::{Chat, Json as _, Signal, Site, unique};
use serde_json::{Value, json};

const PASSWORD: &str = "Tr0ub4dor-and-3-secret";
const MESSAGE: &str = "a-private-word-between-two";

#[tokio::test]
async fn no_secret_is_ever_in_the_log() {
    let mut site = Site::with(&[("telemetry.log_level", "debug")]).await;
    let (mut alice, name) = (site.guest(), unique("alice"));
    alice.register(&name, PASSWORD).await.success();
    alice.login(&name, "wrong-but-nearly-right").await;
    alice.login(&name, PASSWORD).await.success();
    let first = alice.clone();
    let renewed = alice.post("/auth/refresh").send().await;
    alice.take_tokens(&renewed);
    first.post("/auth/refresh").send().await;
    let other = site.user("other").await;
    let mfa = other.get("/auth/mfa/qrcode").send().await.success().text("secret");
    other.post("/auth/mfa/bind").with("code", "918273").with("secret", &mfa).send().await;
    let by_query = format!("/ws?token={}", other.access);
    let mut chat = Chat::handshake(&site, &by_query, &[]).await.unwrap();
    chat.ask(1, json!({"to_user_id": first.id, "content": MESSAGE})).await.success();
    site.guest().get("/user/info?password=in-the-query-by-mistake&user_id=1").send().await;
    site.stop(Signal::Interrupt).await;

    let log = site.log();
    for (what, secret) in [
        ("a password", PASSWORD),
        ("a wrong password", "wrong-but-nearly-right"),
        ("a password in a query", "in-the-query-by-mistake"),
        ("an access token", &first.access),
        ("a refresh token", &first.refresh),
        ("a renewed access token", &alice.access),
        ("a renewed refresh token", &alice.refresh),
        ("a token in a query", &other.access),
        ("an MFA secret", &mfa),
        ("an MFA code", "918273"),
        ("a private message", MESSAGE),
    ] {
        assert!(!log.contains(secret), "{what} is in the log");
    }
    // A token is a secret in its signature already.
    let signature = first.access.rsplit('.').next().unwrap();
    assert!(!log.contains(signature), "a part of a token is in the log");
    assert!(log.contains("/user/login"), "the requests are in the log");
}

#[tokio::test]
async fn a_request_is_one_line_of_json_with_ids() {
    let mut site = Site::with(&[("telemetry.log_format", "json")]).await;
    let alice = site.user("alice").await;
    alice.get("/video/info").with("video_id", 1).send().await;
    site.stop(Signal::Interrupt).await;

    let log = site.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_request: Vec<_> = lines.iter().filter(|line| line.to_string().contains("/video/info")).collect();
    assert_eq!(of_request.len(), 1, "{of_request:?}\n{log}");
    let line = of_request[0].to_string();
    assert!(line.contains(&alice.id), "who asked is in {line}");
    assert!(line.contains("13001"), "the outcome is in {line}");
}
