//! Calls as rules have them made, between real clients and servers.

use std::{net::SocketAddr, time::Duration};

use fanone_base::Code;
use fanone_call::{CallError, check};
use fanone_governance::Applied;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{sleep, timeout},
};
use volo_gen::fanone::{base::*, user::*};

use crate::kit::{BROKEN, STUCK, Site, WELL};

const LONG: Duration = Duration::from_secs(20);

impl Site {
    /// Lets a document rule the front's calls.
    fn rule(&self, category: &str, text: &str) -> Applied {
        self.governance.apply(&format!("fanone.http.fanone.user.{category}"), text).unwrap()
    }

    fn limit(&self, text: &str) -> Applied {
        self.governance.apply("fanone.user.limit", text).unwrap()
    }

    /// The state of a breaker, and how many calls it has seen fail.
    fn breaker(&self, client: &str, method: &str, address: SocketAddr) -> (String, u32) {
        let report = self.governance.report();
        let mut clients = report.clients.iter().filter(|one| one.client == client);
        let breakers = &clients.next().unwrap().breakers;
        let found = breakers.iter().find(|one| one.method == method && one.address == address.to_string());
        found.map(|one| (one.state.to_owned(), one.failed)).unwrap_or_default()
    }
}

async fn get(users: &UserServiceClient) -> Result<(), CallError> {
    check(users.get_users(GetUsersReq { ids: vec![1] }).await?.base)
}

/// A call that changes something; it is the video service's.
async fn change(users: &UserServiceClient) -> Result<(), CallError> {
    let events = ApplyEventsReq { source: "s".into(), number: 1, events: Vec::new() };
    check(users.apply_events(events).await?.base)
}

const QUICK_BREAKER: &str = r#"{"GetUsers": {"enable": true, "err_rate": 0.5, "min_sample": 10}}"#;

#[tokio::test]
async fn a_broken_instance_gets_no_calls_until_it_is_well_again() {
    let site = Site::start().await;
    let (bad, mood) = site.add_instance().await;
    mood.turn(BROKEN);
    site.rule("circuit_break", QUICK_BREAKER);
    let users = site.front();
    let state = || site.breaker("fanone.http", "GetUsers", bad).0;
    for _ in 0..60 {
        let _ = get(&users).await;
    }
    assert_eq!(state(), "open");
    let seen = mood.calls();
    for _ in 0..20 {
        get(&users).await.expect("the other one is well");
    }
    assert_eq!(mood.calls(), seen);

    mood.turn(WELL);
    let closed = async {
        while state() != "closed" {
            get(&users).await.expect("half open, it is asked again and answers");
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, closed).await.expect("it closes");
    assert!(mood.calls() >= seen + 2);
}

#[tokio::test]
async fn when_every_instance_is_broken_calls_fail_at_once_and_arrive_nowhere() {
    let site = Site::start().await;
    site.mood.turn(BROKEN);
    site.rule("circuit_break", QUICK_BREAKER);
    let users = site.front();
    for _ in 0..10 {
        assert!(matches!(get(&users).await, Err(CallError::Fault(_))));
    }
    for _ in 0..10 {
        let error = get(&users).await.unwrap_err();
        assert!(matches!(&error, CallError::Unavailable(reason) if reason.contains("breaker")), "{error:?}");
    }
    assert_eq!(site.mood.calls(), 10);
    let other = users.find_user(FindUserReq { username: "a".into() }).await;
    assert!(other.is_ok(), "each method has a breaker of its own: {other:?}");
}

#[tokio::test]
async fn answers_and_refusals_open_no_breaker_whatever_they_say() {
    let site = Site::start().await;
    let rule = r#"{"Register": {"enable": true, "err_rate": 0.01, "min_sample": 1},
        "Logout": {"enable": true, "err_rate": 0.01, "min_sample": 1}}"#;
    site.rule("circuit_break", rule);
    let users = site.front();
    for _ in 0..20 {
        let answer =
            users.register(RegisterReq { username: "n".into(), password: "p".into() }).await.unwrap();
        assert!(check(answer.base).is_err());
        let refused = CallError::from(users.logout(LogoutReq {}).await.unwrap_err());
        assert_eq!(refused, CallError::Refused(Code::NotLoggedIn));
    }
    for method in ["Register", "Logout"] {
        assert_eq!(site.breaker("fanone.http", method, site.address), ("closed".to_owned(), 0), "{method}");
    }
}

#[tokio::test]
async fn a_dead_instance_is_passed_over_after_some_calls_none_of_which_failed() {
    let site = Site::start().await;
    let dead = site.register_a_dead_instance().await;
    site.rule("circuit_break", QUICK_BREAKER);
    let users = site.front();
    for _ in 0..60 {
        get(&users).await.unwrap();
    }
    assert_eq!(site.breaker("fanone.http", "GetUsers", dead).0, "open");
    assert_eq!(site.breaker("fanone.http", "GetUsers", site.address), ("closed".to_owned(), 0));
}

#[tokio::test]
async fn a_method_takes_as_long_as_its_rule_says() {
    let site = Site::start_with(|settings| settings.rpc_timeout_ms = 60_000).await;
    site.mood.turn(STUCK);
    let users = site.front();
    site.rule("rpc_timeout", r#"{"*": {"rpc_timeout_ms": 50}, "RotateTokens": {"rpc_timeout_ms": 20000}}"#);
    assert_eq!(get(&users).await, Err(CallError::Timeout));
    let slow = users.rotate_tokens(RotateTokensReq { refresh_token: "r".into() }).await;
    assert_eq!(slow.unwrap().base.msg, "after a while");
}

const RETRY: &str = r#"{"*": {"enable": true, "type": 0, "failure_policy": {
    "stop_policy": {"max_retry_times": 2, "cb_policy": {"error_rate": 0.3}},
    "backoff_policy": {"backoff_type": "random", "cfg_items": {"min_ms": 1, "max_ms": 5}}}}}"#;

#[tokio::test]
async fn a_read_that_took_too_long_is_made_again_elsewhere_and_a_change_is_not() {
    let site = Site::start().await;
    let (_, mood) = site.add_instance().await;
    mood.turn(STUCK);
    let rules = [("rpc_timeout", r#"{"*": {"rpc_timeout_ms": 200}}"#), ("retry", RETRY)];
    for (category, text) in rules {
        site.rule(category, text);
        site.governance.apply(&format!("fanone.video.fanone.user.{category}"), text).unwrap();
    }
    let users = site.front();
    for _ in 0..4 {
        get(&users).await.expect("the other instance is well");
    }
    assert_eq!(mood.calls(), 2);

    site.mood.turn(STUCK);
    let before = mood.calls() + site.mood.calls();
    assert_eq!(change(&site.client_of("fanone.video")).await, Err(CallError::Timeout));
    assert_eq!(mood.calls() + site.mood.calls(), before + 1);
}

#[tokio::test]
async fn a_fault_is_not_repeated() {
    let site = Site::start().await;
    site.mood.turn(BROKEN);
    site.rule("retry", RETRY);
    assert!(matches!(get(&site.front()).await, Err(CallError::Fault(_))));
    assert_eq!(site.mood.calls(), 1);
}

#[tokio::test]
async fn when_most_attempts_fail_nothing_is_repeated_any_more() {
    let site = Site::start().await;
    site.mood.turn(STUCK);
    site.rule("rpc_timeout", r#"{"*": {"rpc_timeout_ms": 20}}"#);
    site.rule("retry", RETRY);
    let users = site.front();
    for _ in 0..10 {
        assert_eq!(get(&users).await, Err(CallError::Timeout));
    }
    let before = site.mood.calls();
    assert!(before < 30, "{before}: each time two more");
    assert_eq!(get(&users).await, Err(CallError::Timeout));
    assert!(site.mood.calls() <= before + 1);
}

#[tokio::test]
async fn a_read_that_takes_long_is_made_once_more_beside_and_a_change_is_not() {
    let site = Site::start_with(|settings| settings.rpc_timeout_ms = 20_000).await;
    let (_, mood) = site.add_instance().await;
    mood.turn(STUCK);
    let rule = r#"{"*": {"enable": true, "type": 1, "backup_policy": {"retry_delay_ms": 30,
        "stop_policy": {"max_retry_times": 1, "cb_policy": {"error_rate": 0.3}}}}}"#;
    site.rule("retry", rule);
    site.governance.apply("fanone.video.fanone.user.retry", rule).unwrap();
    let users = site.front();
    let all = async {
        for _ in 0..6 {
            get(&users).await.expect("the other instance answers");
        }
    };
    timeout(LONG, all).await.expect("nobody waits for the one that is stuck");
    assert!(mood.calls() >= 2);

    site.mood.turn(STUCK);
    let before = mood.calls() + site.mood.calls();
    let video = site.client_of("fanone.video");
    assert!(timeout(Duration::from_millis(300), change(&video)).await.is_err());
    assert_eq!(mood.calls() + site.mood.calls(), before + 1);
}

#[tokio::test]
async fn calls_that_a_rule_gives_up_arrive_nowhere() {
    let site = Site::start().await;
    let users = site.front();
    site.rule("degradation", r#"{"enable": true, "percentage": 100}"#);
    for _ in 0..5 {
        assert!(matches!(get(&users).await, Err(CallError::Unavailable(_))));
    }
    assert_eq!(site.mood.calls(), 0);
    change(&site.client_of("fanone.video")).await.expect("the rule is about the front's calls");
    site.rule("degradation", "");
    get(&users).await.unwrap();
}

#[tokio::test]
async fn above_its_limit_of_calls_a_server_refuses_and_no_breaker_minds() {
    let site = Site::start().await;
    let users = site.front();
    site.limit(r#"{"qps_limit": 3}"#);
    site.rule("circuit_break", r#"{"GetUsers": {"enable": true, "err_rate": 0.01, "min_sample": 1}}"#);
    let mut refused = 0;
    for _ in 0..30 {
        match get(&users).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, CallError::Refused(Code::TooManyRequests));
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && site.mood.calls() >= 3);
    assert_eq!(site.breaker("fanone.http", "GetUsers", site.address), ("closed".to_owned(), 0));
    site.limit("");
    for _ in 0..30 {
        get(&users).await.unwrap();
    }
}

#[tokio::test]
async fn above_its_limit_of_connections_a_server_closes_new_ones_at_once() {
    let site = Site::start().await;
    site.limit(r#"{"connection_limit": 1}"#);
    let users = site.front();
    get(&users).await.unwrap();
    let mut second = TcpStream::connect(site.address).await.unwrap();
    let closed = timeout(LONG, second.read(&mut [0; 1])).await.expect("it does not wait");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    get(&users).await.expect("the first connection stays");
    site.limit("");
    let mut third = TcpStream::connect(site.address).await.unwrap();
    assert!(timeout(Duration::from_millis(200), third.read(&mut [0; 1])).await.is_err());
}
