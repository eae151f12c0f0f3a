//! Messages between two and in groups: stored before the answer, pushed at once, found later.

use fanone_tests::{Chat, Client, Code, Json as _, Site, unique};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

async fn history(chat: &mut Chat, with: &Client) -> Value {
    chat.ask(2, json!({"user_id": with.id, "page_num": 0, "page_size": 10})).await.success()
}

#[tokio::test]
async fn a_message_reaches_who_is_online_at_once() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (mut from_alice, mut to_bob) = (Chat::connect(site, &alice).await, Chat::connect(site, &bob).await);

    let sent = from_alice.say(&bob, "hello 你好").await;

    assert_eq!(to_bob.push().await, sent);
    assert_eq!((sent.text("from_user_id"), sent.text("to_user_id")), (alice.id.clone(), bob.id.clone()));
    assert_eq!((sent.text("content"), sent.text("created_at").len()), ("hello 你好".to_owned(), 19));
}

#[tokio::test]
async fn every_connection_of_a_receiver_gets_the_push() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let mut chat = Chat::connect(site, &alice).await;
    let (mut phone, mut laptop) = (Chat::connect(site, &bob).await, Chat::connect(site, &bob).await);
    let sent = chat.say(&bob, "everywhere").await;
    assert_eq!((phone.push().await, laptop.push().await), (sent.clone(), sent));
}

#[tokio::test]
async fn who_was_offline_is_told_on_connect_and_reads_once() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let mut chat = Chat::connect(site, &alice).await;
    chat.say(&bob, "one").await;
    let last = chat.say(&bob, "two").await;

    let mut later = Chat::connect(site, &bob).await;
    assert_eq!(later.push().await, last, "one push for the conversation");
    let summary = later.ask(6, json!({})).await.success().items();
    assert_eq!(summary.len(), 1);
    assert_eq!((summary[0].text("user_id"), summary[0].count("unread")), (alice.id.clone(), 2));
    assert_eq!(summary[0]["last"], last);

    let take = json!({"user_id": alice.id});
    assert_eq!(later.ask(3, take.clone()).await.success().texts("content"), ["two", "one"]);
    assert!(later.ask(3, take).await.success().items().is_empty(), "then they are read");
    assert!(later.ask(6, json!({})).await.success().items().is_empty());
}

#[tokio::test]
async fn a_history_has_pages_newest_first_for_both_sides() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (mut from_alice, mut from_bob) = (Chat::connect(site, &alice).await, Chat::connect(site, &bob).await);
    from_alice.say(&bob, "one").await;
    from_bob.say(&alice, "two").await;
    from_alice.say(&bob, "three").await;

    let of_alice = history(&mut from_alice, &bob).await;
    assert_eq!((of_alice.texts("content"), of_alice.count("total")), (lines(&["three", "two", "one"]), 3));
    assert_eq!(history(&mut from_bob, &alice).await, of_alice);
    let ids: Vec<i64> = of_alice.texts("id").iter().map(|id| id.parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "the order is that of the ids");
    let second = from_alice.ask(2, json!({"user_id": bob.id, "page_num": 1, "page_size": 2})).await.success();
    assert_eq!((second.texts("content"), second.count("total")), (lines(&["one"]), 3));
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn the_same_seq_stores_once_and_answers_the_same() {
    let site = Site::shared().await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    let mut chat = Chat::connect(site, &alice).await;
    let to_bob = json!({"to_user_id": bob.id, "content": "once"});

    let first = chat.ask_as(1, "seq-1", to_bob.clone()).await.success();
    let again = chat.ask_as(1, "seq-1", to_bob.clone()).await.success();
    let mut after_reconnect = Chat::connect(site, &alice).await;
    let later = after_reconnect.ask_as(1, "seq-1", to_bob).await.success();
    let elsewhere = json!({"to_user_id": carol.id, "content": "another conversation"});
    let other = chat.ask_as(1, "seq-1", elsewhere).await.success();

    assert_eq!((&first, &first), (&again, &later));
    assert_ne!(first.text("id"), other.text("id"), "a seq counts within one conversation");
    assert_eq!(history(&mut chat, &bob).await.count("total"), 1);
    let mut to_bob = Chat::connect(site, &bob).await;
    assert_eq!(to_bob.ask(6, json!({})).await.success().items()[0].count("unread"), 1);
}

#[tokio::test]
async fn a_group_message_reaches_every_other_member() {
    let site = Site::shared().await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    let group = alice.create_group(&unique("club")).await;
    bob.join_group(&group).await;
    carol.join_group(&group).await;
    let (mut from_alice, mut to_bob) = (Chat::connect(site, &alice).await, Chat::connect(site, &bob).await);

    let welcome = json!({"group_id": group, "content": "welcome"});
    let sent = from_alice.ask_as(4, "seq-1", welcome.clone()).await.success();
    let again = from_alice.ask_as(4, "seq-1", welcome).await.success();

    assert_eq!(again, sent, "the same seq stores once in groups too");
    assert_eq!(to_bob.push().await, sent);
    assert_eq!((sent.text("group_id"), sent.get("to_user_id")), (group.clone(), None));
    let mut later = Chat::connect(site, &carol).await;
    assert_eq!(later.push().await, sent, "carol was offline");
    let page = json!({"group_id": group, "page_num": 0, "page_size": 10});
    let history = later.ask(5, page).await.success();
    assert_eq!((history.texts("content"), history.count("total")), (lines(&["welcome"]), 1));
    assert!(from_alice.ask(6, json!({})).await.success().items().is_empty(), "one's own words are read");
}

#[tokio::test]
async fn mark_read_moves_up_to_one_message() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let group = alice.create_group(&unique("club")).await;
    bob.join_group(&group).await;
    let mut chat = Chat::connect(site, &alice).await;
    let first = chat.say(&bob, "one").await;
    chat.say(&bob, "two").await;
    let in_group = chat.say_to_group(&group, "three").await;
    let mut reader = Chat::connect(site, &bob).await;

    let mark = json!({"user_id": alice.id, "message_id": first.text("id")});
    reader.ask(7, mark).await.success();
    let summary = reader.ask(6, json!({})).await.success().items();
    let private = summary.iter().find(|one| one.get("user_id").is_some()).unwrap();
    assert_eq!((summary.len(), private.count("unread")), (2, 1));

    let mark = json!({"group_id": group, "message_id": in_group.text("id")});
    reader.ask(7, mark).await.success();
    assert_eq!(reader.ask(6, json!({})).await.success().items().len(), 1);
}

#[tokio::test]
async fn an_answered_message_survives_a_kill() {
    let mut site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let mut chat = Chat::connect(&site, &alice).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.push(chat.say(&bob, &number.to_string()).await);
    }
    site.restart().await;
    let mut later = Chat::connect(&site, &bob).await;
    let unread = later.ask(3, json!({"user_id": alice.id})).await.success().items();
    sent.reverse();
    assert_eq!(unread, sent);
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_and_stores_nothing() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let mut chat = Chat::connect(site, &alice).await;

    chat.ask(1, json!({"to_user_id": "1", "content": "nobody"})).await.refused(Code::UserNotFound);
    assert_ne!(chat.ask(1, json!({"to_user_id": alice.id, "content": "myself"})).await.code(), 10000);
    chat.ask(4, json!({"group_id": "1", "content": "no group"})).await.refused(Code::GroupNotFound);
    for (kind, data, field) in [
        (1, json!({"to_user_id": bob.id}), "content"),
        (1, json!({"to_user_id": bob.id, "content": ""}), "content"),
        (1, json!({"to_user_id": bob.id, "content": "x".repeat(2001)}), "content"),
        (1, json!({"to_user_id": bob.id, "content": 5}), "content"),
        (1, json!({"content": "to nobody"}), "to_user_id"),
        (1, json!({"to_user_id": "bob", "content": "x"}), "to_user_id"),
        (2, json!({"user_id": bob.id, "page_num": -1, "page_size": 10}), "page_num"),
        (2, json!({"user_id": bob.id, "page_num": 0, "page_size": 101}), "page_size"),
        (7, json!({"user_id": bob.id}), "message_id"),
    ] {
        let message = chat.ask(kind, data.clone()).await.refused(Code::Parameter);
        assert!(message.contains(field), "{data}: {message}");
    }
    assert_ne!(chat.ask(8, json!({})).await.code(), 10000, "there is no type 8");
    chat.send_text("{not json").await;
    assert_eq!(chat.reply().await.code(), 10002);
    chat.send_text(r#"{"type":"one"}"#).await;
    assert_eq!(chat.reply().await.code(), 10002);
    assert_eq!(history(&mut chat, &bob).await.count("total"), 0);
}

#[tokio::test]
async fn ping_is_answered_by_pong() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let mut chat = Chat::connect(site, &alice).await;
    chat.send(Message::Ping(b"are you there"[..].into())).await;
    assert_eq!(chat.next().await, Message::Pong(b"are you there"[..].into()));
}

#[tokio::test]
async fn the_site_pings_too() {
    let site = Site::with(&[("chat.ping_interval_s", "1")]).await;
    let alice = site.user("alice").await;
    let mut chat = Chat::connect(&site, &alice).await;
    let frame = chat.next().await;
    assert!(matches!(frame, Message::Ping(_)), "{frame:?}");
}
