//! Follows and friends.

use fanone_tests::{Client, Json as _, Site, eventually};

async fn listed(who: &Client, path: &str, user: &Client) -> Vec<String> {
    let list = who.get(path).with("user_id", &user.id).page(0, 100).send().await.success();
    assert_eq!(list.count("total"), list.items().len() as i64);
    list.texts("username")
}

async fn friends(user: &Client) -> Vec<String> {
    let list = user.get("/friends/list").page(0, 100).send().await.success();
    assert_eq!(list.count("total"), list.items().len() as i64);
    list.texts("username")
}

async fn eventually_counted(user: &Client, following: i64, followers: i64) {
    eventually("follows are counted", async || {
        let info = user.user_info(&user.id).await;
        let counts = (info.count("following_count"), info.count("follower_count"));
        if counts == (following, followers) { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_follow_shows_on_both_sides() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);

    alice.follow(&bob.id, 0).await.success();

    assert_eq!(listed(&site.guest(), "/following/list", &alice).await, [bob.name.as_str()]);
    assert_eq!(listed(&site.guest(), "/follower/list", &bob).await, [alice.name.as_str()]);
    assert!(listed(&alice, "/following/list", &bob).await.is_empty());
    eventually_counted(&alice, 1, 0).await;
    eventually_counted(&bob, 0, 1).await;
    let list = alice.get("/following/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    let fields: Vec<_> = list.items()[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["avatar_url", "id", "username"]);
}

#[tokio::test]
async fn those_who_follow_each_other_are_friends() {
    let site = Site::shared().await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    alice.follow(&bob.id, 0).await.success();
    alice.follow(&carol.id, 0).await.success();
    assert!(friends(&alice).await.is_empty());

    bob.follow(&alice.id, 0).await.success();
    assert_eq!(friends(&alice).await, [bob.name.as_str()]);
    assert_eq!(friends(&bob).await, [alice.name.as_str()]);
    assert!(friends(&carol).await.is_empty());

    alice.follow(&bob.id, 1).await.success();
    assert!(friends(&bob).await.is_empty());
}

#[tokio::test]
async fn follows_are_listed_latest_first_in_pages() {
    let site = Site::shared().await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    alice.follow(&bob.id, 0).await.success();
    alice.follow(&carol.id, 0).await.success();
    let page = async |num: u32| {
        let list =
            alice.get("/following/list").with("user_id", &alice.id).page(num, 1).send().await.success();
        (list.texts("username"), list.count("total"))
    };
    assert_eq!(page(0).await, (vec![carol.name.clone()], 2));
    assert_eq!(page(1).await, (vec![bob.name.clone()], 2));
    assert_eq!(page(2).await, (vec![], 2));
}

#[tokio::test]
async fn followers_are_listed_latest_first_in_pages() {
    let site = Site::shared().await;
    let (star, first, second) =
        (site.user("star").await, site.user("first").await, site.user("second").await);
    first.follow(&star.id, 0).await.success();
    second.follow(&star.id, 0).await.success();
    for (num, expected) in [(0, vec![second.name.clone()]), (1, vec![first.name.clone()]), (2, vec![])] {
        let list = star.get("/follower/list").with("user_id", &star.id).page(num, 1).send().await.success();
        assert_eq!((list.texts("username"), list.count("total")), (expected, 2));
    }
}

#[tokio::test]
async fn a_follow_repeated_or_taken_back_twice_changes_nothing() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    for _ in 0..3 {
        alice.follow(&bob.id, 0).await.success();
    }
    eventually_counted(&bob, 0, 1).await;
    for _ in 0..3 {
        alice.follow(&bob.id, 1).await.success();
    }
    eventually_counted(&bob, 0, 0).await;
    eventually_counted(&alice, 0, 0).await;
}

#[tokio::test]
async fn nobody_follows_themselves_or_somebody_unknown() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    assert!(!alice.follow(&alice.id, 0).await.is_success());
    alice.follow("1", 0).await.not_found();
    for wrong in ["", "2", "follow"] {
        let request = alice.post("/relation/action").with("to_user_id", 1).with("action_type", wrong);
        request.send().await.names_field("action_type");
    }
    assert!(listed(&alice, "/following/list", &alice).await.is_empty());
    alice.get("/following/list").with("user_id", 1).page(0, 10).send().await.not_found();
    alice.get("/follower/list").with("user_id", 1).page(0, 10).send().await.not_found();
}
