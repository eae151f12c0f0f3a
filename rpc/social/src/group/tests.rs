use fanone_base::{Code, Failure, Id, Page};
use futures::future::join_all;

use crate::{
    chat::{Draft, Peer},
    error::SocialError,
    testing::{ALL, Site},
};

impl Site {
    async fn group(&self, owner: Id) -> Id {
        self.groups.create(owner, "电影 club".to_owned()).await.unwrap().id
    }

    async fn members(&self, user: Id, group: Id) -> Vec<Id> {
        let users = self.groups.members(user, group, ALL).await.unwrap();
        assert_eq!(users.total, users.ids.len() as u64);
        users.ids
    }

    async fn groups_of(&self, user: Id) -> Vec<Id> {
        let (groups, total) = self.groups.of_user(user, ALL).await.unwrap();
        assert_eq!(total, groups.len() as u64);
        groups.into_iter().map(|group| group.id).collect()
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, SocialError>) -> Code {
    result.unwrap_err().code()
}

#[tokio::test]
async fn joining_twice_changes_nothing() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let group = site.group(alice).await;
    site.groups.join(bob, group).await.unwrap();
    site.groups.join(bob, group).await.unwrap();
    assert_eq!(site.members(alice, group).await, [bob, alice], "joined last first");
    let (list, _) = site.groups.of_user(bob, ALL).await.unwrap();
    assert_eq!((list[0].name.as_str(), list[0].owner, list[0].member_count), ("电影 club", alice, 2));
    let page = site.groups.members(bob, group, Page { num: 1, size: 1 }).await.unwrap();
    assert_eq!((page.ids, page.total), (vec![alice], 2));
}

#[tokio::test]
async fn the_groups_of_a_user_come_from_every_shard() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let mut made = Vec::new();
    for _ in 0..12 {
        let group = site.group(alice).await;
        site.groups.join(bob, group).await.unwrap();
        made.push(group);
    }
    let private = Draft { from: alice, to: Peer::User(bob), content: "hi".to_owned(), seq: None };
    site.chat.send(private).await.unwrap();
    made.reverse();
    assert_eq!(site.groups_of(bob).await, made);
    let (page, total) = site.groups.of_user(alice, Page { num: 2, size: 5 }).await.unwrap();
    assert_eq!(
        (page.into_iter().map(|group| group.id).collect::<Vec<_>>(), total),
        (made[10..].to_vec(), 12)
    );
    assert_eq!(site.groups_of(site.user(0)).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_never_has_more_members_than_it_may() {
    let site = Site::open().await;
    let owner = site.user(0);
    let group = site.group(owner).await;
    let joins = (0..20).map(|n| {
        let (groups, user) = (site.groups.clone(), site.user(n % 2));
        tokio::spawn(async move { groups.join(user, group).await })
    });
    let results: Vec<_> = join_all(joins).await.into_iter().map(Result::unwrap).collect();
    let (joined, full): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((joined.len(), full.len()), (4, 16));
    assert!(full.into_iter().all(|result| code(result) == Code::GroupFull));
    assert_eq!(site.members(owner, group).await.len(), 5);
    site.groups.join(owner, group).await.unwrap();
}

#[tokio::test]
async fn the_group_of_an_owner_who_leaves_goes_to_the_oldest_member() {
    let site = Site::open().await;
    let (alice, bob, carol) = (site.user(0), site.user(1), site.user(0));
    let group = site.group(alice).await;
    site.groups.join(carol, group).await.unwrap();
    site.groups.join(bob, group).await.unwrap();

    site.groups.leave(alice, group).await.unwrap();
    let (list, _) = site.groups.of_user(bob, ALL).await.unwrap();
    assert_eq!((list[0].owner, list[0].member_count), (carol, 2));
    assert_eq!(code(site.groups.leave(alice, group).await), Code::NotAMember);
    assert_eq!(code(site.groups.members(alice, group, ALL).await), Code::NotAMember);
    let message = Draft { from: alice, to: Peer::Group(group), content: "again".to_owned(), seq: None };
    assert_eq!(code(site.chat.send(message).await), Code::NotAMember);
    assert_eq!(site.groups_of(alice).await, []);

    site.groups.join(alice, group).await.unwrap();
    assert_eq!(site.members(alice, group).await, [alice, bob, carol]);
}

#[tokio::test]
async fn a_group_without_members_is_gone() {
    let site = Site::open().await;
    let (alice, bob) = (site.user(0), site.user(1));
    let group = site.group(alice).await;
    site.groups.leave(alice, group).await.unwrap();
    for id in [group, site.user(0)] {
        assert_eq!(code(site.groups.join(bob, id).await), Code::GroupNotFound);
        assert_eq!(code(site.groups.leave(alice, id).await), Code::GroupNotFound);
        assert_eq!(code(site.groups.members(alice, id, ALL).await), Code::GroupNotFound);
        let message = Draft { from: alice, to: Peer::Group(id), content: "x".to_owned(), seq: None };
        assert_eq!(code(site.chat.send(message).await), Code::GroupNotFound);
    }
}
