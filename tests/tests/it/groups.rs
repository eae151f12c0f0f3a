//! Chat groups: made, joined, left, listed.

use fanone_tests::{Chat, Client, Code, Json as _, Site, unique};
use serde_json::json;

async fn members(who: &Client, group: &str) -> Vec<String> {
    let list = who.get("/group/members").with("group_id", group).page(0, 100).send().await.success();
    assert_eq!(list.count("total"), list.items().len() as i64);
    let mut names = list.texts("username");
    names.sort();
    names
}

#[tokio::test]
async fn a_group_has_its_owner_and_those_who_joined() {
    let site = Site::shared().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let group = alice.create_group(&unique("film club")).await;
    assert_eq!(members(&alice, &group).await, [alice.name.as_str()]);

    bob.join_group(&group).await;
    bob.join_group(&group).await;
    assert_eq!(members(&bob, &group).await, [alice.name.clone(), bob.name.clone()]);
    let list = bob.get("/group/list").page(0, 10).send().await.success();
    assert_eq!((list.texts("id"), list.count("total")), (vec![group.clone()], 1));

    bob.post("/group/leave").with("group_id", &group).send().await.success();
    assert_eq!(members(&alice, &group).await, [alice.name.as_str()]);
    assert!(bob.get("/group/list").page(0, 10).send().await.success().items().is_empty());
}

#[tokio::test]
async fn what_is_in_a_group_is_for_its_members() {
    let site = Site::shared().await;
    let (alice, eve) = (site.user("alice").await, site.user("eve").await);
    let group = alice.create_group(&unique("secret")).await;
    let mut chat = Chat::connect(site, &eve).await;

    let list = eve.get("/group/members").with("group_id", &group).page(0, 10).send().await;
    list.refused(Code::NotAMember);
    chat.ask(4, json!({"group_id": group, "content": "let me in"})).await.refused(Code::NotAMember);
    let history = json!({"group_id": group, "page_num": 0, "page_size": 10});
    chat.ask(5, history).await.refused(Code::NotAMember);
    eve.post("/group/leave").with("group_id", &group).send().await;
    assert_eq!(members(&alice, &group).await, [alice.name.as_str()]);
}

#[tokio::test]
async fn a_group_has_room_for_so_many() {
    let site = Site::with(&[("chat.group_members_max", "2")]).await;
    let (alice, bob, carol) = (site.user("alice").await, site.user("bob").await, site.user("carol").await);
    let group = alice.create_group("small").await;
    bob.join_group(&group).await;
    carol.post("/group/join").with("group_id", &group).send().await.refused(Code::GroupFull);
}

#[tokio::test]
async fn unknown_groups_and_empty_names_are_refused() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    alice.post("/group/join").with("group_id", 1).send().await.not_found();
    alice.post("/group/create").send().await.names_field("name");
    alice.post("/group/create").with("name", "").send().await.names_field("name");
    alice.post("/group/create").with("name", "n".repeat(2000)).send().await.names_field("name");
}
