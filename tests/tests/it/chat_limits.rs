//! Who may connect to the chat, and how much they may send.

use fanone_tests::{Chat, Client, Code, Site};
use serde_json::json;
use tokio_tungstenite::tungstenite::{self, Message, protocol::frame::coding::CloseCode};

/// The HTTP status of a refused handshake.
async fn refusal(site: &Site, path: &str, headers: &[(&'static str, &str)]) -> u16 {
    match Chat::handshake(site, path, headers).await.err().map(|error| *error) {
        Some(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        Some(other) => panic!("no HTTP answer: {other}"),
        None => panic!("the site took the connection"),
    }
}

async fn assert_works(mut chat: Chat) {
    chat.ask(6, json!({})).await.success();
}

async fn user_of(site: &Site) -> Client {
    site.user("alice").await
}

#[tokio::test]
async fn a_token_opens_the_chat_by_header_bearer_or_query() {
    let site = Site::shared().await;
    let alice = user_of(site).await;
    let bearer = format!("Bearer {}", alice.access);
    let query = format!("/ws?token={}", alice.access);

    assert_works(Chat::connect(site, &alice).await).await;
    assert_works(Chat::handshake(site, "/ws", &[("authorization", &bearer)]).await.unwrap()).await;
    assert_works(Chat::handshake(site, &query, &[]).await.unwrap()).await;
    assert_works(Chat::handshake(site, "/ws/", &[("access-token", &alice.access)]).await.unwrap()).await;
}

#[tokio::test]
async fn without_a_valid_access_token_there_is_no_chat() {
    let site = Site::shared().await;
    let alice = user_of(site).await;
    for (path, headers) in [
        ("/ws".to_owned(), vec![]),
        ("/ws?token=nonsense".to_owned(), vec![]),
        (format!("/ws?token={}", alice.refresh), vec![]),
        ("/ws".to_owned(), vec![("access-token", alice.refresh.as_str())]),
    ] {
        assert_ne!(refusal(site, &path, &headers).await, 101, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_open_the_chat() {
    let site = Site::with(&[("http.allowed_origins", "https://friend.example")]).await;
    let alice = user_of(&site).await;
    let token = ("access-token", alice.access.as_str());

    assert_eq!(refusal(&site, "/ws", &[token, ("origin", "https://evil.example")]).await, 403);
    assert_eq!(refusal(&site, "/ws", &[token, ("origin", "null")]).await, 403);
    let own = site.url("");
    for origin in ["https://friend.example", &own] {
        assert_works(Chat::handshake(&site, "/ws", &[token, ("origin", origin)]).await.unwrap()).await;
    }
}

#[tokio::test]
async fn an_expired_token_closes_the_connection_and_says_why() {
    let site = Site::with(&[("identity.access_ttl_s", "2")]).await;
    let alice = user_of(&site).await;
    let mut chat = Chat::connect(&site, &alice).await;
    let close = chat.closed().await;
    assert!(close.reason.contains("expired"), "{close:?}");
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_the_connection() {
    let site = Site::shared().await;
    let alice = user_of(site).await;
    let mut chat = Chat::connect(site, &alice).await;
    chat.send_text(&"x".repeat(65_537)).await;
    assert_eq!(chat.closed().await.code, CloseCode::Size);
    assert_works(Chat::connect(site, &alice).await).await;
}

#[tokio::test]
async fn a_binary_frame_is_no_request() {
    let site = Site::shared().await;
    let alice = user_of(site).await;
    let mut chat = Chat::connect(site, &alice).await;
    chat.send(Message::Binary(b"bytes"[..].into())).await;
    // Either is fine: an answer that refuses, or a close with a reason.
    match chat.next().await {
        Message::Text(text) => assert!(text.contains("10002"), "{text}"),
        Message::Close(Some(close)) => assert_ne!(close.reason.as_str(), ""),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_sends_too_fast_is_told_so_and_may_go_on_later() {
    let site = Site::with(&[("limits.enabled", "true"), ("limits.messages_per_second", "5")]).await;
    let (alice, bob) = (user_of(&site).await, site.user("bob").await);
    let mut chat = Chat::connect(&site, &alice).await;
    let mut stored = 0;
    let mut refused = 0;
    for seq in 0..30 {
        let spam =
            json!({"type": 1, "seq": seq.to_string(), "data": {"to_user_id": bob.id, "content": "spam"}});
        chat.send_text(&spam.to_string()).await;
    }
    for _ in 0..30 {
        match chat.reply().await.code() {
            10000 => stored += 1,
            10005 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(stored >= 5 && refused > 0, "{stored} stored, {refused} refused");
    fanone_tests::eventually("the limit lifts", async || {
        match chat.ask(1, json!({"to_user_id": bob.id, "content": "patience"})).await.code() {
            10000 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_has_so_many_connections_to_each_front() {
    let site = Site::with(&[("chat.connections_per_user", "2"), ("limits.enabled", "true")]).await;
    let alice = user_of(&site).await;
    let mut open = Vec::new();
    for _ in 0..2 * site.front_addresses().len() {
        open.push(Chat::connect(&site, &alice).await);
    }
    // The next is refused at the handshake, or takes the place of the first, which is closed.
    match Chat::handshake(&site, "/ws", &[("access-token", &alice.access)]).await {
        Err(_) => {}
        Ok(mut next) => {
            next.ask(6, json!({})).await.success();
            assert_ne!(open.remove(0).closed().await.reason.as_str(), "");
        }
    }
    for chat in open {
        assert_works(chat).await;
    }
}

#[tokio::test]
async fn an_answer_names_the_limit() {
    let site = Site::shared().await;
    let alice = user_of(site).await;
    let mut chat = Chat::connect(site, &alice).await;
    let message = chat.ask(1, json!({"to_user_id": "1", "content": "x".repeat(2001)})).await;
    assert!(message.refused(Code::Parameter).contains("2000"));
}
