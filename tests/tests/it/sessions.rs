//! The life of tokens: expiry, renewal, rotation, reuse, log-out.

use fanone_tests::{Code, Json as _, Site, eventually};

#[tokio::test]
async fn refresh_gives_two_new_tokens() {
    let site = Site::shared().await;
    let mut alice = site.user("alice").await;
    let old = alice.clone();

    let answer = alice.post("/auth/refresh").send().await;
    answer.success();
    alice.take_tokens(&answer);

    assert_ne!(alice.refresh, old.refresh);
    assert_ne!(alice.access, old.access);
    assert_eq!(alice.get("/user/info").send().await.success().text("id"), alice.id);
}

#[tokio::test]
async fn a_refresh_token_used_twice_revokes_its_whole_family() {
    let site = Site::shared().await;
    let mut alice = site.user("alice").await;
    let thief = alice.clone();
    let answer = alice.post("/auth/refresh").send().await;
    answer.success();
    alice.take_tokens(&answer);

    thief.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);

    // The honest one can't go on either: nobody can tell who the thief is.
    alice.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);
}

#[tokio::test]
async fn one_of_two_refreshes_at_the_same_time_loses() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let (one, other) = tokio::join!(alice.post("/auth/refresh").send(), alice.post("/auth/refresh").send());
    assert!(!(one.is_success() && other.is_success()), "a refresh token rotates once");
}

#[tokio::test]
async fn a_family_that_is_revoked_leaves_other_logins_alone() {
    let site = Site::shared().await;
    let phone = site.user("alice").await;
    let mut laptop = site.guest();
    laptop.login(&phone.name, fanone_tests::client::PASSWORD).await.success();
    phone.post("/auth/refresh").send().await.success();
    phone.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);

    laptop.post("/auth/refresh").send().await.success();
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let request = alice.post("/auth/refresh").header("refresh-token", &alice.access);
    request.send().await.refused(Code::RefreshInvalid);
}

#[tokio::test]
async fn log_out_ends_both_tokens_at_once() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    alice.post("/auth/logout").send().await.success();
    alice.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);
    alice.get("/friends/list").send().await.refused(Code::NotLoggedIn);
}

#[tokio::test]
async fn refresh_needs_a_refresh_token() {
    let site = Site::shared().await;
    site.guest().post("/auth/refresh").send().await.refused(Code::RefreshInvalid);
    site.guest()
        .post("/auth/refresh")
        .header("refresh-token", "nonsense")
        .send()
        .await
        .refused(Code::RefreshInvalid);
}

#[tokio::test]
async fn an_expired_access_token_is_renewed_by_the_way() {
    let site = Site::with(&[("identity.access_ttl_s", "1")]).await;
    let mut alice = site.user("alice").await;
    eventually("the access token expires", async || {
        let answer = alice.without_refresh().get("/friends/list").send().await;
        match answer.code() {
            11002 => Ok(()),
            _ => Err(answer.shown()),
        }
    })
    .await;

    let answer = alice.get("/friends/list").send().await;
    answer.success();
    let renewed = answer.header("new-access-token").to_owned();
    assert!(!renewed.is_empty(), "the answer carries a new access token");
    alice.access = renewed;
    assert_eq!(alice.without_refresh().get("/user/info").send().await.success().text("id"), alice.id);
}

#[tokio::test]
async fn an_expired_access_token_is_not_renewed_after_log_out() {
    let site = Site::with(&[("identity.access_ttl_s", "1")]).await;
    let alice = site.user("alice").await;
    alice.post("/auth/logout").send().await.success();
    eventually("the access token expires", async || {
        let answer = alice.get("/friends/list").send().await;
        match answer.code() {
            11001..=11003 => Ok(()),
            _ => Err(answer.shown()),
        }
    })
    .await;
    assert_eq!(alice.get("/friends/list").send().await.header("new-access-token"), "");
}

#[tokio::test]
async fn a_session_survives_a_restart_and_so_does_its_end() {
    let mut site = Site::start().await;
    let (mut alice, bob) = (site.user("alice").await, site.user("bob").await);
    bob.post("/auth/logout").send().await.success();

    site.restart().await;

    let answer = alice.post("/auth/refresh").send().await;
    answer.success();
    alice.take_tokens(&answer);
    bob.post("/auth/refresh").send().await.refused(Code::RefreshInvalid);
}
