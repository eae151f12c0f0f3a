use fanone_base::{Code, Id};
use fanone_identity::{Caller, UserClaims, scope};
use volo_gen::fanone::{base::Page, social::SocialService as _};

use super::{ChatSettings, SocialService, thrift};
use crate::testing::Site;

const FIRST_PAGE: Page = Page { num: 0, size: 10 };

fn service(site: &Site) -> SocialService {
    let settings = ChatSettings {
        frame_max_bytes: 65_536,
        content_max_chars: 20,
        ping_interval_s: 30,
        connections_per_user: 10,
        group_members_max: 500,
    };
    SocialService::new(site.store.clone(), &settings)
}

async fn as_user<F: Future>(user: Id, work: F) -> F::Output {
    let claims = UserClaims { user_id: user, session: Id(1), expires_at: i64::MAX };
    scope(Caller { service: "fanone.http".into(), user: Some(claims) }, work).await
}

fn message(to: Id, content: &'static str) -> thrift::SendMessageReq {
    thrift::SendMessageReq {
        to_user_id: Some(to.0),
        group_id: None,
        content: content.into(),
        seq: Some("1".into()),
    }
}

#[tokio::test]
async fn a_message_is_sent_summed_up_and_taken() {
    let site = Site::open().await;
    let service = service(&site);
    let (alice, bob) = (site.user(0), site.user(1));
    let sent = as_user(alice, service.send_message(message(bob, "hello"))).await.unwrap();
    let stored = sent.message.unwrap();
    assert_eq!((sent.base.code, sent.recipients), (10000, vec![bob.0]));
    assert_eq!((stored.to_user_id, stored.group_id), (Some(bob.0), None));
    let again = as_user(alice, service.send_message(message(bob, "hello"))).await.unwrap();
    assert_eq!((again.message.as_ref(), again.recipients.len()), (Some(&stored), 0));

    let summary = as_user(bob, service.unread_summary(thrift::UnreadSummaryReq {})).await.unwrap();
    let item = &summary.items[0];
    assert_eq!((item.user_id, item.group_id, item.unread, &item.last), (Some(alice.0), None, 1, &stored));
    let take = thrift::TakeUnreadReq { user_id: alice.0 };
    assert_eq!(as_user(bob, service.take_unread(take)).await.unwrap().messages, [stored]);
}

#[tokio::test]
async fn a_follow_is_listed_on_both_sides() {
    let site = Site::open().await;
    let service = service(&site);
    let (alice, bob) = (site.user(0), site.user(1));
    let follow = thrift::FollowReq { to_user_id: bob.0, on: true };
    assert_eq!(as_user(alice, service.follow(follow.clone())).await.unwrap().base.code, 10000);
    let of = |user: Id| thrift::ListUsersReq { user_id: user.0, page: FIRST_PAGE };
    let following = service.list_following(of(alice)).await.unwrap();
    assert_eq!((following.user_ids, following.total), (vec![bob.0], 1));
    let followers = service.list_followers(of(bob)).await.unwrap();
    assert_eq!((followers.user_ids, followers.total), (vec![alice.0], 1));
    let nobody = service.follow(follow).await.unwrap();
    assert_eq!(nobody.base.code, Code::NotLoggedIn.number());
}

#[tokio::test]
async fn a_group_is_made_and_listed() {
    let site = Site::open().await;
    let service = service(&site);
    as_user(site.user(0), async {
        let made = service.create_group(thrift::CreateGroupReq { name: " club ".into() }).await.unwrap();
        let group = made.group.unwrap();
        assert_eq!((group.name.as_str(), group.member_count), ("club", 1));
        let list = service.list_groups(thrift::ListGroupsReq { page: FIRST_PAGE }).await.unwrap();
        assert_eq!((list.groups, list.total), (vec![group], 1));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let site = Site::open().await;
    let service = service(&site);
    let (alice, bob) = (site.user(0), site.user(1));
    as_user(alice, async {
        let long = thrift::SendMessageReq { seq: Some("x".repeat(65).into()), ..message(bob, "x") };
        let both = thrift::SendMessageReq { group_id: Some(1), ..message(bob, "x") };
        for (req, field) in [
            (message(bob, ""), "content"),
            (message(bob, "this is more than 20 characters"), "content"),
            (message(alice, "me"), "to_user_id"),
            (message(Id(0), "zero"), "to_user_id"),
            (long, "seq"),
            (both, "to_user_id"),
        ] {
            let base = service.send_message(req).await.unwrap().base;
            assert_eq!(base.code, Code::Parameter.number());
            assert!(base.msg.starts_with(&format!("{field}: ")), "{}", base.msg);
        }
        let mark = thrift::MarkReadReq { user_id: Some(bob.0), group_id: None, message_id: 0 };
        let base = service.mark_read(mark).await.unwrap().base;
        assert!(base.msg.starts_with("message_id: "));
    })
    .await;
}
