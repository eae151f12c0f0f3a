//! Calls that keep the rules, and what becomes of those that may not be made.

use std::time::Duration;

use fanone_base::{Code, Failure, Id};
use fanone_call::{CallError, as_user, check, within};
use fanone_identity::{Keys, OnMissing};
use futures::future::join_all;
use volo_gen::fanone::{base::*, user::*};
use volo_thrift::ClientError;

use crate::kit::Site;

fn events() -> ApplyEventsReq {
    ApplyEventsReq { source: "s".into(), number: 1, events: Vec::new() }
}

#[tokio::test]
async fn a_call_arrives_and_its_answer_comes_back() {
    let site = Site::start().await;
    let users = site.front();
    for round in 0..3 {
        let answer = users.get_users(GetUsersReq { ids: vec![1, 2, round] }).await.unwrap();
        assert_eq!(answer.base.msg, format!("[1, 2, {round}]"));
        check(answer.base).unwrap();
    }
    site.stop().await;
}

#[tokio::test]
async fn a_call_goes_elsewhere_when_its_instance_takes_no_connection() {
    let site = Site::start().await;
    site.register_a_dead_instance().await;
    let users = site.front();
    for _ in 0..6 {
        let req = RegisterReq { username: "n".into(), password: "p".into() };
        users.register(req).await.expect("a change was not sent yet, so it may go to the other");
    }
}

/// What goes wrong on the way to a connection would reach the caller of a change: it is not made again. New clients, since
/// connections are waited for until a client has enough of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_side_by_side_all_find_a_connection() {
    let site = Site::start().await;
    for round in 0..300 {
        let users = site.front();
        let changes = (0..16).map(|_| {
            let users = users.clone();
            tokio::spawn(async move {
                for _ in 0..4 {
                    let req = RegisterReq { username: "n".into(), password: "p".into() };
                    users.register(req).await?;
                }
                Ok::<_, ClientError>(())
            })
        });
        for done in join_all(changes).await {
            done.unwrap().unwrap_or_else(|error| panic!("in round {round}: {error}"));
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn an_expected_outcome_is_an_answer() {
    let site = Site::start().await;
    let req = RegisterReq { username: "小明 ünï 🎬".into(), password: "p".into() };
    let error = check(site.front().register(req).await.unwrap().base).unwrap_err();
    assert_eq!(error.code(), Code::Parameter);
    assert_eq!(error.public_message(), "username: is taken");
}

#[tokio::test]
async fn a_user_token_reaches_methods_that_act_for_a_user() {
    let site = Site::start().await;
    let token = site.users.access(Id(77), Id(5)).unwrap();
    let answer = as_user(&token, site.front().logout(LogoutReq {})).await.unwrap();
    assert_eq!(answer.base.msg, "77 by fanone.http");
}

#[tokio::test]
async fn calls_side_by_side_keep_their_users_apart() {
    let site = Site::start().await;
    let users = site.front();
    let calls = (1..50).map(|id| {
        let (token, users) = (site.users.access(Id(id), Id(1)).unwrap(), users.clone());
        async move {
            let answer = as_user(&token, users.logout(LogoutReq {})).await.unwrap();
            assert_eq!(answer.base.msg, format!("{id} by fanone.http"));
        }
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn without_a_valid_user_token_such_a_method_is_refused() {
    let site = Site::start().await;
    let users = site.front();
    let refused =
        async |token: &str| CallError::from(as_user(token, users.logout(LogoutReq {})).await.unwrap_err());

    let none = CallError::from(users.logout(LogoutReq {}).await.unwrap_err());
    assert_eq!(none, CallError::Refused(Code::NotLoggedIn));
    assert_eq!(refused("nonsense").await, CallError::Refused(Code::NotLoggedIn));
    let refresh = site.users.refresh(Id(1), Id(1), 0).unwrap();
    assert_eq!(refused(&refresh).await, CallError::Refused(Code::NotLoggedIn), "a refresh token");
    let none_left = site.keys.user_tokens(Duration::ZERO, Duration::ZERO).unwrap();
    let expired = none_left.access(Id(1), Id(1)).unwrap();
    assert_eq!(refused(&expired).await, CallError::Refused(Code::AccessExpired));
    let foreign = tempfile::tempdir().unwrap();
    let foreign = Keys::open(foreign.path(), OnMissing::Generate).unwrap();
    let foreign = foreign.user_tokens(Duration::from_secs(9), Duration::from_secs(9)).unwrap();
    let foreign = foreign.access(Id(1), Id(1)).unwrap();
    assert_eq!(refused(&foreign).await, CallError::Refused(Code::NotLoggedIn), "another site's token");
}

#[tokio::test]
async fn a_service_may_call_what_the_table_says_and_nothing_else() {
    let site = Site::start().await;
    let forbidden = CallError::Refused(Code::Forbidden);

    let video = site.client_of("fanone.video");
    assert_eq!(video.apply_events(events()).await.unwrap().base.msg, "applied");
    let error = video.get_users(GetUsersReq { ids: vec![1] }).await.unwrap_err();
    assert_eq!(CallError::from(error), forbidden);

    for name in ["fanone.http", "fanone.interaction", "fanone.user"] {
        let error = site.client_of(name).apply_events(events()).await.unwrap_err();
        assert_eq!(CallError::from(error), forbidden, "{name}");
    }
}

#[tokio::test]
async fn a_service_that_only_claims_its_name_is_refused() {
    let site = Site::start().await;
    let folder = tempfile::tempdir().unwrap();
    let forged = Keys::open(folder.path(), OnMissing::Generate).unwrap();
    let liar = site.client_with_keys("fanone.http", &forged);
    let error = liar.get_users(GetUsersReq { ids: vec![1] }).await.unwrap_err();
    assert_eq!(CallError::from(error), CallError::Refused(Code::Forbidden));
}

#[tokio::test]
async fn a_panic_is_a_fault_that_tells_nothing_and_harms_nobody_else() {
    let site = Site::start().await;
    let users = site.front();
    let req = LoginReq { username: "a".into(), password: "b".into(), code: None };
    let error = users.login(req).await.unwrap_err();
    assert!(!format!("{error:?}").contains("secret of the handler"), "{error:?}");
    assert!(matches!(CallError::from(error), CallError::Fault(_)));
    assert!(users.get_users(GetUsersReq { ids: Vec::new() }).await.is_ok());
}

#[tokio::test]
async fn a_call_ends_with_its_timeout() {
    let site = Site::start_with(|settings| settings.rpc_timeout_ms = 50).await;
    let error = site.front().renew_access(RenewAccessReq { refresh_token: "r".into() }).await.unwrap_err();
    assert_eq!(CallError::from(error), CallError::Timeout);
}

#[tokio::test]
async fn a_call_has_no_more_time_than_the_request_that_makes_it() {
    let site = Site::start().await;
    let users = site.front();
    let call = users.find_user(FindUserReq { username: "a".into() });
    let answer = within(Duration::from_millis(900), call).await.unwrap();
    let left: u64 = answer.base.msg.parse().unwrap();
    assert!((1..=900).contains(&left), "{left} ms");

    let call = users.find_user(FindUserReq { username: "a".into() });
    let error = within(Duration::ZERO, call).await.unwrap_err();
    assert_eq!(CallError::from(error), CallError::Timeout);
}

#[tokio::test]
async fn beyond_its_room_a_service_refuses_at_once() {
    let site = Site::start_with(|settings| settings.concurrent_max = 1).await;
    let users = site.front();
    let long = users.rotate_tokens(RotateTokensReq { refresh_token: "r".into() });
    let second = async {
        // The first has arrived once the second is refused.
        loop {
            match users.get_users(GetUsersReq { ids: Vec::new() }).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break CallError::from(error),
            }
        }
    };
    let (first, second) = tokio::join!(long, second);
    assert_eq!(first.unwrap().base.msg, "after a while");
    assert_eq!(second, CallError::Refused(Code::TooManyRequests));
}

#[tokio::test]
async fn an_outage_is_told_apart() {
    let site = Site::start().await;
    let users = site.front();
    users.get_users(GetUsersReq { ids: Vec::new() }).await.unwrap();
    site.stop().await;
    let error = CallError::from(users.get_users(GetUsersReq { ids: Vec::new() }).await.unwrap_err());
    assert!(matches!(error, CallError::Unavailable(_)), "{error:?}");
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn bytes_that_are_no_text_pass_where_the_idl_says_binary() {
    let site = Site::start().await;
    let vector = vec![0xff; 1 << 20].into();
    let req = SearchPicturesReq { vector, model: "m".into(), limit: 1 };
    assert_eq!(site.front().search_pictures(req).await.unwrap().base.msg, (1 << 20).to_string());
}
