//! Rate limits and lock-outs, which are on unless a test turns them off.

use fanone_tests::{Code, Site, client::PASSWORD, unique};
use futures::future::join_all;

const ON: (&str, &str) = ("limits.enabled", "true");

#[tokio::test]
async fn an_address_has_so_many_requests() {
    let site = Site::with(&[ON, ("limits.requests_per_ip", "50")]).await;
    let guest = site.guest();
    assert!(guest.get("/video/feed").send().await.is_success());
    let answers = join_all((0..120).map(|_| guest.get("/video/feed").send())).await;
    let refused = answers.iter().find(|answer| answer.status == 429).expect("some are too many");
    refused.rejected(429, Code::TooManyRequests);
    assert_ne!(refused.header("retry-after"), "");
}

#[tokio::test]
async fn an_address_that_nobody_trusts_cannot_name_another() {
    let site = Site::with(&[ON, ("limits.requests_per_ip", "50")]).await;
    let guest = site.guest();
    let requests = (0..120)
        .map(|number| guest.get("/video/feed").header("x-forwarded-for", &format!("10.0.0.{number}")).send());
    let answers = join_all(requests).await;
    assert!(answers.iter().any(|answer| answer.status == 429), "a header gets nobody around the limit");
}

#[tokio::test]
async fn an_address_registers_so_many_users() {
    let site = Site::with(&[ON, ("limits.registrations_per_ip", "3")]).await;
    let guest = site.guest();
    for _ in 0..3 {
        guest.register(&unique("new"), PASSWORD).await.success();
    }
    guest.register(&unique("new"), PASSWORD).await.rejected(429, Code::TooManyRequests);
}

#[tokio::test]
async fn failed_logins_lock_the_account_for_the_right_password_too() {
    let site =
        Site::with(&[ON, ("limits.logins_failed_per_account", "3"), ("limits.logins_per_ip", "100")]).await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    for _ in 0..3 {
        site.guest().login(&alice.name, "wrong password").await.refused(Code::WrongCredentials);
    }
    site.guest().login(&alice.name, PASSWORD).await.refused(Code::Locked);
    site.guest().login(&bob.name, PASSWORD).await.success();
}

#[tokio::test]
async fn an_address_tries_so_many_logins() {
    let site = Site::with(&[ON, ("limits.logins_per_ip", "5")]).await;
    let mut refused = 0;
    for _ in 0..8 {
        let answer = site.guest().login(&unique("nobody"), PASSWORD).await;
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 3);
}

#[tokio::test]
async fn a_user_uploads_so_many_videos_in_a_day() {
    let site = Site::with(&[ON, ("limits.uploads_per_user", "2")]).await;
    let alice = site.user("alice").await;
    let publish = || {
        let request = alice.post("/video/publish").with("title", "one of many");
        request.file("clip.mp4", fanone_tests::clips::clip(1)).send()
    };
    publish().await.success();
    publish().await.success();
    publish().await.rejected(429, Code::TooManyRequests);
    assert_eq!(site.media_files().len(), 4, "two videos and their covers, nothing of the third");
}
