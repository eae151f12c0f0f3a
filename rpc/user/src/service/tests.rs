//! The methods as a client sees them.

use fanone_base::{Code, Id};
use fanone_identity::{Caller, UserClaims, scope};
use fanone_vectors::to_bytes;
use volo_gen::fanone::{
    base::{BaseResp, Event, EventKind, Picture},
    user::UserService as _,
};

use super::*;
use crate::testing::{MODEL, PASSWORD, World};

fn code(base: &BaseResp) -> Code {
    Code::from_number(base.code).unwrap()
}

/// Runs `work` for whom `access` belongs to.
async fn with_token<F: Future>(world: &World, access: &str, work: F) -> F::Output {
    let user: UserClaims = world.keys.user_verifier().unwrap().verify(access).unwrap();
    scope(Caller { service: "fanone.http".into(), user: Some(user) }, work).await
}

async fn register(world: &World, username: &'static str) -> RegisterResp {
    let req = RegisterReq { username: username.into(), password: PASSWORD.into() };
    world.service.register(req).await.unwrap()
}

async fn login(world: &World, username: &'static str) -> LoginResp {
    let req = LoginReq { username: username.into(), password: PASSWORD.into(), code: None };
    world.service.login(req).await.unwrap()
}

#[tokio::test]
async fn a_user_registers_logs_in_renews_and_logs_out() {
    let world = World::new().await;
    let registered = register(&world, "Alice").await;
    assert_eq!(code(&registered.base), Code::Success);
    let logged_in = login(&world, "alice").await;
    assert_eq!(logged_in.user.unwrap().id, registered.user_id.unwrap());
    let tokens = logged_in.tokens.unwrap();
    let renew = RenewAccessReq { refresh_token: tokens.refresh_token.clone() };
    let renewed = world.service.renew_access(renew.clone()).await.unwrap();
    assert_eq!(code(&renewed.base), Code::Success);
    let rotate = RotateTokensReq { refresh_token: tokens.refresh_token };
    let tokens = world.service.rotate_tokens(rotate).await.unwrap().tokens.unwrap();
    let work = world.service.logout(LogoutReq {});
    assert_eq!(code(&with_token(&world, &tokens.access_token, work).await.unwrap().base), Code::Success);
    let renew = RenewAccessReq { refresh_token: tokens.refresh_token };
    let renewed = world.service.renew_access(renew).await.unwrap();
    assert_eq!((code(&renewed.base), renewed.access_token), (Code::RefreshInvalid, None));
}

#[tokio::test]
async fn refusals_are_answers_with_a_code() {
    let world = World::new().await;
    register(&world, "alice").await;
    let taken = register(&world, "ALICE").await;
    assert_eq!((code(&taken.base), taken.user_id), (Code::UsernameTaken, None));
    let wrong = register(&world, "").await;
    assert_eq!((code(&wrong.base), wrong.base.msg.as_str()), (Code::Parameter, "username: is required"));
    let unknown = login(&world, "nobody").await;
    assert_eq!((code(&unknown.base), unknown.user), (Code::WrongCredentials, None));
    let find = FindUserReq { username: "nobody".into() };
    assert_eq!(code(&world.service.find_user(find).await.unwrap().base), Code::UserNotFound);
    let many = world.service.get_users(GetUsersReq { ids: vec![1; 101] }).await.unwrap();
    assert_eq!((code(&many.base), many.users), (Code::Parameter, vec![]));
}

#[tokio::test]
async fn what_acts_for_a_user_needs_one() {
    let world = World::new().await;
    let service = &world.service;
    let bases = [
        service.logout(LogoutReq {}).await.unwrap().base,
        service.set_avatar(SetAvatarReq::default()).await.unwrap().base,
        service.begin_mfa(BeginMfaReq {}).await.unwrap().base,
        service.bind_mfa(BindMfaReq::default()).await.unwrap().base,
        service.unbind_mfa(UnbindMfaReq::default()).await.unwrap().base,
    ];
    assert!(bases.iter().all(|base| code(base) == Code::NotLoggedIn), "{bases:?}");
}

#[tokio::test]
async fn an_avatar_and_a_cover_are_found_by_what_they_show() {
    let world = World::new().await;
    let alice = Id(register(&world, "alice").await.user_id.unwrap());
    let access = login(&world, "alice").await.tokens.unwrap().access_token;
    let avatar = to_bytes(&[1.0, 0.0]);
    let set = SetAvatarReq { key: "avatar".into(), vector: avatar.clone().into(), model: MODEL.into() };
    let answer = with_token(&world, &access, world.service.set_avatar(set)).await.unwrap();
    assert_eq!((answer.user.unwrap().avatar.as_str(), answer.previous_key), ("avatar", None));
    let video = world.service.avatars.ids.next(alice.bucket());
    let cover = Picture {
        id: video.0,
        key: "cover".into(),
        user_id: alice.0,
        video_id: Some(video.0),
        vector: to_bytes(&[0.8, 0.6]).into(),
        model: MODEL.into(),
    };
    let event = Event { kind: EventKind::COVER_ADDED, entity_id: video.0, delta: 1, picture: Some(cover) };
    let apply = ApplyEventsReq { source: "video/1".into(), number: 1, events: vec![event] };
    assert_eq!(code(&world.service.apply_events(apply).await.unwrap().base), Code::Success);
    let search = SearchPicturesReq { vector: avatar.into(), model: MODEL.into(), limit: 5 };
    let found = world.service.search_pictures(search).await.unwrap().items;
    let short: Vec<_> = found.iter().map(|item| (item.key.as_str(), item.user_id, item.video_id)).collect();
    assert_eq!(short, [("avatar", alice.0, None), ("cover", alice.0, Some(video.0))]);
}

#[tokio::test]
async fn a_second_factor_begins_with_a_secret_and_a_url() {
    let world = World::new().await;
    register(&world, "alice").await;
    let access = login(&world, "alice").await.tokens.unwrap().access_token;
    let begun = with_token(&world, &access, world.service.begin_mfa(BeginMfaReq {})).await.unwrap();
    let (secret, url) = (begun.secret.unwrap(), begun.url.unwrap());
    assert!(url.starts_with("otpauth://totp/FanOne:alice?") && url.contains(secret.as_str()), "{url}");
    let wrong = BindMfaReq { code: "12".into(), secret: None };
    let bound = with_token(&world, &access, world.service.bind_mfa(wrong)).await.unwrap();
    assert_eq!(bound.base.msg.as_str(), "code: must be 6 digits");
}
