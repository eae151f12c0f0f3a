//! Register, log in, look at a user.

use std::time::{SystemTime, UNIX_EPOCH};

use fanone_tests::{Code, Json as _, Site, client::PASSWORD, unique};
use serde_json::Value;

const USER_FIELDS: [&str; 10] = [
    "avatar_url",
    "created_at",
    "deleted_at",
    "follower_count",
    "following_count",
    "id",
    "like_count",
    "updated_at",
    "username",
    "video_count",
];

#[tokio::test]
async fn a_new_user_logs_in_and_sees_exactly_the_fields_of_the_contract() {
    let site = Site::shared().await;
    let (mut alice, name) = (site.guest(), unique("alice"));
    assert_eq!(alice.register(&name, PASSWORD).await.success(), Value::Null);

    let user = alice.login(&name, PASSWORD).await.success();

    let fields: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, USER_FIELDS);
    assert_eq!(user.text("username"), name);
    assert!(user.text("id").parse::<i64>().unwrap() > 0);
    assert_eq!((user.text("avatar_url"), user.text("deleted_at")), (String::new(), String::new()));
    for count in ["video_count", "like_count", "following_count", "follower_count"] {
        assert_eq!(user.count(count), 0, "{count}");
    }
}

#[tokio::test]
async fn times_are_written_in_the_zone_of_the_site() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let hour_there = || (SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3600 + 8) % 24;
    let before = hour_there();
    let bob = site.user("bob").await;
    let after = hour_there();
    let created = alice.user_info(&bob.id).await.text("created_at");
    let hour = created.split([' ', ':']).nth(1).unwrap().parse().unwrap();
    assert!([before, after].contains(&hour), "{created} is not the time in Shanghai");
    let shape: String = created.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00");
}

#[tokio::test]
async fn user_info_shows_the_caller_or_whom_one_asks_for() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);

    assert_eq!(alice.get("/user/info").send().await.success().text("id"), alice.id);
    assert_eq!(alice.user_info(&bob.id).await.text("username"), bob.name);
    assert_eq!(site.guest().user_info(&bob.id).await.text("username"), bob.name);
    site.guest().get("/user/info").send().await.refused(Code::NotLoggedIn);
    site.guest().get("/user/info").with("user_id", 1).send().await.not_found();
}

#[tokio::test]
async fn a_bearer_token_is_as_good_as_the_header() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let bearer = format!("Bearer {}", alice.access);
    let answer = site.guest().get("/user/info").header("authorization", &bearer).send().await;
    assert_eq!(answer.success().text("id"), alice.id);
}

#[tokio::test]
async fn a_name_is_taken_in_every_spelling() {
    let site = Site::shared().await;
    let (guest, name) = (site.guest(), unique("Carol"));
    guest.register(&name, PASSWORD).await.success();

    guest.register(&name, PASSWORD).await.refused(Code::UsernameTaken);
    guest.register(&name.to_uppercase(), PASSWORD).await.refused(Code::UsernameTaken);
    // Full-width letters are the same letters after NFKC.
    guest.register(&name.replace("Carol", "Ｃａｒｏｌ"), PASSWORD).await.refused(Code::UsernameTaken);
    site.guest().login(&name.to_lowercase(), PASSWORD).await.success();
}

#[tokio::test]
async fn two_who_want_a_name_at_the_same_time_do_not_both_get_it() {
    let site = Site::shared().await;
    let (guest, name) = (site.guest(), unique("dave"));
    let tries = futures::future::join_all((0..4).map(|_| guest.register(&name, PASSWORD))).await;
    assert_eq!(tries.iter().filter(|answer| answer.is_success()).count(), 1);
}

#[tokio::test]
async fn names_and_passwords_have_limits_and_the_refusal_names_them() {
    let site = Site::shared().await;
    let guest = site.guest();
    for name in ["", &"x".repeat(33), "line\nbreak", "nul\0"] {
        guest.register(name, PASSWORD).await.names_field("username");
    }
    for password in ["", "1234567", &"x".repeat(1000)] {
        guest.register(&unique("erin"), password).await.names_field("password");
    }
    guest.register(&unique("名字"), "密码密码密码").await.success();
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let wrong = site.guest().login(&alice.name, "not the password").await;
    let unknown = site.guest().login(&unique("nobody"), PASSWORD).await;
    assert_eq!(wrong.refused(Code::WrongCredentials), unknown.refused(Code::WrongCredentials));
    assert_eq!(wrong.header("access-token"), "");
}

#[tokio::test]
async fn nonsense_is_no_token() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let (head, signature) = alice.access.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    // {"alg":"none"} instead of the head that the site signs.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", alice.access.split('.').nth(1).unwrap());
    for token in ["nonsense", "a.b.c", &forged, &unsigned] {
        let answer = site.guest().get("/user/info").header("access-token", token).send().await;
        answer.refused(Code::NotLoggedIn);
    }
}
