use fanone_base::{Code, Failure, Id, Page};
use futures::future::join_all;

use super::{FOLLOWING_MAX, Users};
use crate::{
    error::SocialError,
    store::follows,
    testing::{ALL, Site},
};

/// USER_FOLLOWING and USER_FOLLOWERS in the IDL.
const FOLLOWING: i32 = 5;
const FOLLOWERS: i32 = 6;

fn users(ids: &[Id]) -> Users {
    Users { ids: ids.to_vec(), total: ids.len() as u64 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_follow_changes_nothing() {
    let site = Site::open().await;
    let (from, to) = (site.user(0), site.user(1));
    let follows = (0..100).map(|_| {
        let follows = site.follows.clone();
        tokio::spawn(async move { follows.follow(from, to).await })
    });
    for done in join_all(follows).await {
        done.unwrap().unwrap();
    }
    assert_eq!(site.sent().await, [(FOLLOWING, from, 1), (FOLLOWERS, to, 1)]);
    for _ in 0..3 {
        site.follows.unfollow(from, to).await.unwrap();
    }
    assert_eq!(site.sent().await, [(FOLLOWING, from, -1), (FOLLOWERS, to, -1)]);
    assert_eq!(site.follows.following(from, ALL).await.unwrap(), users(&[]));
}

#[tokio::test]
async fn nobody_follows_themselves() {
    let site = Site::open().await;
    let user = site.user(0);
    for result in [site.follows.follow(user, user).await, site.follows.unfollow(user, user).await] {
        assert!(result.unwrap_err().public_message().starts_with("to_user_id: "));
    }
}

#[tokio::test]
async fn lists_come_latest_first_and_from_every_shard() {
    let site = Site::open().await;
    let star = site.user(0);
    let fans: Vec<Id> = (0..7).map(|n| site.user(n % 2)).collect();
    // Not in the order of their ids.
    let order = [3, 0, 6, 1, 5, 2, 4].map(|n| fans[n]);
    for fan in order {
        site.follows.follow(fan, star).await.unwrap();
        site.follows.follow(star, fan).await.unwrap();
    }
    let mut latest_first = order;
    latest_first.reverse();
    assert_eq!(site.follows.followers(star, ALL).await.unwrap(), users(&latest_first));
    assert_eq!(site.follows.following(star, ALL).await.unwrap(), users(&latest_first));
    for num in 0..4 {
        let page = Page { num, size: 3 };
        let expected = Users { ids: page.cut(latest_first.to_vec()), total: 7 };
        assert_eq!(site.follows.followers(star, page).await.unwrap(), expected);
        assert_eq!(site.follows.following(star, page).await.unwrap(), expected);
        assert_eq!(site.follows.friends(star, page).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn friends_follow_each_other() {
    let site = Site::open().await;
    let (user, one, two, stranger) = (site.user(0), site.user(1), site.user(0), site.user(1));
    for (from, to) in [(user, one), (user, two), (user, stranger), (two, user), (one, user)] {
        site.follows.follow(from, to).await.unwrap();
    }
    assert_eq!(site.follows.friends(user, ALL).await.unwrap(), users(&[two, one]));
    assert_eq!(site.follows.friends(one, ALL).await.unwrap(), users(&[user]));
    assert_eq!(site.follows.friends(stranger, ALL).await.unwrap(), users(&[]));
    site.follows.unfollow(one, user).await.unwrap();
    assert_eq!(site.follows.friends(user, ALL).await.unwrap(), users(&[two]));
}

#[tokio::test]
async fn one_follows_so_many_and_no_more() {
    let site = Site::open().await;
    let user = site.user(0);
    let others: Vec<Id> = (0..FOLLOWING_MAX).map(|_| site.user(1)).collect();
    let (ids, all) = (site.ids.clone(), others.clone());
    site.store
        .shard(user.bucket())
        .write(move |tx| {
            let (ids, all) = (ids.clone(), all.clone());
            Box::pin(async move {
                for other in all {
                    follows::insert(tx, ids.next(user.bucket()), user, other).await?;
                }
                Ok::<(), SocialError>(())
            })
        })
        .await
        .unwrap();

    let refused = site.follows.follow(user, site.user(0)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    assert_eq!(refused.public_message(), "nobody may follow more than 5000 users");
    assert_eq!(site.sent().await, [], "the refused one left no trace");
    site.follows.follow(user, others[0]).await.unwrap();
    site.follows.unfollow(user, others[0]).await.unwrap();
    site.follows.follow(user, site.user(0)).await.unwrap();
    assert_eq!(site.follows.following(user, ALL).await.unwrap().total, FOLLOWING_MAX);

    site.follows.follow(others[4000], user).await.unwrap();
    assert_eq!(site.follows.friends(user, ALL).await.unwrap(), users(&[others[4000]]));
}
