//! Many at once, at the same rows: nothing is counted twice, made twice or forgotten, whatever runs beside it, in one process
//! or in several.

use fanone_tests::{Chat, Client, Code, Json as _, Site, client::PASSWORD, eventually, pictures};
use futures::future::join_all;
use serde_json::json;

async fn people(site: &Site, count: usize) -> Vec<Client> {
    join_all((0..count).map(|_| site.user("crowd"))).await
}

#[tokio::test]
async fn two_who_write_to_each_other_at_once_share_one_conversation() {
    const EACH: usize = 10;
    let site = Site::shared().await;
    for _ in 0..5 {
        let (ann, bob) = (site.user("ann").await, site.user("bob").await);
        let say = async |from: &Client, to: &Client| {
            let mut chat = Chat::connect(site, from).await;
            for number in 0..EACH {
                chat.say(to, &number.to_string()).await;
            }
            chat
        };
        let (mut of_ann, mut of_bob) = tokio::join!(say(&ann, &bob), say(&bob, &ann));
        let with = |other: &Client| json!({"user_id": other.id, "page_num": 0, "page_size": 100});
        let seen_by_ann = of_ann.ask(2, with(&bob)).await.success();
        let seen_by_bob = of_bob.ask(2, with(&ann)).await.success();
        assert_eq!((seen_by_ann.items().len(), seen_by_ann.count("total")), (2 * EACH, 2 * EACH as i64));
        assert_eq!(seen_by_ann.items(), seen_by_bob.items());
        let unread = of_ann.ask(3, json!({"user_id": bob.id})).await.success();
        assert_eq!(unread.items().len(), EACH, "what bob said, each once");
    }
}

#[tokio::test]
async fn a_group_that_many_join_and_leave_at_once_has_as_many_members_as_it_says() {
    let site = Site::shared().await;
    let crowd = people(site, 12).await;
    let group = crowd[0].create_group("race").await;
    let join = |who: &Client| who.post("/group/join").with("group_id", &group).send();
    let leave = |who: &Client| who.post("/group/leave").with("group_id", &group).send();
    // Everybody twice, and some go again, the owner too.
    join_all(crowd.iter().chain(&crowd).map(join)).await.iter().for_each(|answer| drop(answer.success()));
    let leaving = join_all(crowd[..6].iter().chain(&crowd[..6]).map(leave)).await;
    assert_eq!(leaving.iter().filter(|answer| answer.is_success()).count(), 6, "nobody leaves twice");

    let last = &crowd[11];
    let members = last.get("/group/members").with("group_id", &group).page(0, 100).send().await.success();
    let mut found: Vec<String> = members.items().iter().map(|member| member.text("id")).collect();
    let mut stayed: Vec<String> = crowd[6..].iter().map(|member| member.id.clone()).collect();
    found.sort();
    stayed.sort();
    assert_eq!((found, members.count("total")), (stayed.clone(), 6));
    let list = last.get("/group/list").page(0, 100).send().await.success();
    let group = list.items().into_iter().find(|one| one.text("id") == group).unwrap();
    assert_eq!(group.count("member_count"), 6);
    assert!(stayed.contains(&group.text("owner_id")), "the owner left: {group}");
}

#[tokio::test]
async fn replies_written_while_their_comment_is_deleted_are_counted_right() {
    let site = Site::shared().await;
    let crowd = people(site, 4).await;
    let author = &crowd[0];
    let video = author.publish("discussed").await.text("id");
    for _ in 0..5 {
        let root = author.comment(&video, "root").await.text("id");
        let below = author.reply(&root, "below").await.text("id");
        let reply = |who: &Client, to: &String| {
            who.post("/comment/publish").with("comment_id", to).with("content", "reply").send()
        };
        let replies =
            crowd.iter().flat_map(|who| [reply(who, &root), reply(who, &below), reply(who, &below)]);
        let deletion = author.delete("/comment/delete").with("comment_id", &root).send();
        let (answers, deleted) = tokio::join!(join_all(replies), deletion);
        deleted.success();
        let refused = answers.iter().filter(|answer| !answer.is_success());
        refused.for_each(|answer| answer.not_found());
    }
    let kept = author.comment(&video, "kept").await;
    let list = author.all_pages("/comment/list", "video_id", &video).await;
    assert_eq!(list, [kept], "what was deleted is gone with all that hung below it");
    eventually("the video counts the one comment", async || {
        match author.video_info(&video).await.count("comment_count") {
            1 => Ok(()),
            count => Err(format!("{count} comments")),
        }
    })
    .await;
}

#[tokio::test]
async fn of_avatars_set_at_once_one_is_left_and_its_picture_is_there() {
    let site = Site::shared().await;
    let ann = site.user("ann").await;
    let set = |number| ann.put("/user/avatar/upload").file("me.png", pictures::png(number)).send();
    join_all((50..58).map(set)).await.iter().for_each(|answer| drop(answer.success()));
    let avatar = ann.user_info(&ann.id).await.text("avatar_url");
    assert_eq!(site.guest().get(&avatar).send().await.status, 200);
    // The library knows no other one of hers.
    for number in 50..58 {
        let search = site.guest().post("/image/search").file("me.png", pictures::png(number)).send().await;
        let found = search.success().items();
        let hers: Vec<String> =
            found.iter().filter(|hit| hit.text("user_id") == ann.id).map(|hit| hit.text("url")).collect();
        assert!(hers.iter().all(|url| *url == avatar), "{hers:?}, not {avatar} alone");
    }
}

#[tokio::test]
async fn wrong_codes_sent_at_once_lock_after_five() {
    let site = Site::shared().await;
    let ann = site.user("ann").await;
    ann.get("/auth/mfa/qrcode").send().await.success();
    // A code without letters that is right by chance once in 300,000 times.
    let guess = |number: u32| ann.post("/auth/mfa/bind").with("code", format!("{:06}", number * 7919)).send();
    let answers = join_all((0..20).map(guess)).await;
    let looked_at =
        answers.iter().filter(|answer| answer.code() == i64::from(Code::WrongMfaCode.number())).count();
    assert_eq!(looked_at, 5, "{:?}", answers.iter().map(|answer| answer.code()).collect::<Vec<_>>());
}

#[tokio::test]
async fn uploads_begun_at_once_keep_to_the_limit_of_a_day() {
    let limits =
        [("limits.enabled", "true"), ("limits.uploads_per_user", "4"), ("limits.requests_per_ip", "10000")];
    let site = Site::with(&limits).await;
    let crowd = people(&site, 8).await;
    let create = async |who: &Client| who.tus_create(1000, "title dHVz").send().await.status;
    for who in &crowd {
        assert_eq!(create(who).await, 201);
    }
    let begun = join_all((0..25).flat_map(|_| &crowd).map(async |who| (&who.id, create(who).await))).await;
    for who in &crowd {
        let of_one = begun.iter().filter(|(id, status)| **id == who.id && *status == 201);
        assert_eq!(of_one.count(), 3, "and one before");
    }
}

#[tokio::test]
async fn a_name_that_many_want_at_once_goes_to_one() {
    let site = Site::shared().await;
    let name = fanone_tests::unique("wanted");
    let guest = site.guest();
    let answers = join_all((0..6).map(|_| guest.register(&name, PASSWORD))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
}
