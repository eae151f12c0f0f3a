//! Which rules a document makes for which method, and which instance has a call.

use std::collections::HashMap as Tags;

use fanone_config::Balancing;
use volo::net::Address;

use super::*;

fn settings() -> Calls {
    Calls {
        rpc_timeout_ms: 2000,
        connect_timeout_ms: 200,
        frame_max_bytes: 1 << 20,
        concurrent_max: 10,
        balancer: Balancing::Weighted,
    }
}

fn client() -> Client {
    Client::new("fanone.http", "fanone.user", &settings())
}

fn instances(count: u16) -> Vec<Arc<Instance>> {
    let instance = |port| {
        let address = Address::Ip(SocketAddr::from(([127, 0, 0, 1], port)));
        Arc::new(Instance { address, weight: 10, tags: Tags::new() })
    };
    (1..=count).map(instance).collect()
}

fn chosen(client: &Client, method: &str, instances: &[Arc<Instance>]) -> Result<u16, NoInstance> {
    let choice = client.choose(client.method(method), instances, None)?;
    Ok(choice.first.address().port())
}

const QUICK: &str = r#"{"GetUsers": {"enable": true, "err_rate": 0.5, "min_sample": 2}}"#;

/// Two failures of the method at the instance, which open its breaker by [`QUICK`].
fn break_it(client: &Client, port: u16, instances: &[Arc<Instance>]) {
    let method = client.method("GetUsers");
    let breaker = method.breaker(SocketAddr::from(([127, 0, 0, 1], port)), instances);
    for _ in 0..2 {
        breaker.record(true, &method.rules().breaking.unwrap(), Instant::now());
    }
}

#[test]
fn without_documents_reads_are_repeated_once_and_changes_never() {
    let client = client();
    let rules = client.method("GetUsers").rules();
    assert_eq!((rules.timeout.as_millis(), rules.connect.as_millis()), (2000, 200));
    assert_eq!(rules.breaking, Some(Breaking { err_rate: 0.5, min_sample: 200 }));
    let Some(Repeat::Failure(policy)) = rules.repeat else { panic!("{rules:?}") };
    assert_eq!((policy.retries, policy.total), (1, Some(rules.timeout)));
    assert_eq!(client.method("Login").rules().repeat, None);
    assert_eq!(client.method("OfANewerVersion").rules().repeat, None);
    assert!(!client.degrades());
}

#[test]
fn a_method_has_its_own_times_and_of_what_it_leaves_out_those_of_all() {
    let client = client();
    let text =
        r#"{"*": {"conn_timeout_ms": 100, "rpc_timeout_ms": 3000}, "Login": {"rpc_timeout_ms": 8000}}"#;
    let applied = client.apply(Category::RpcTimeout, text).unwrap();
    assert_eq!((applied.old.as_str(), applied.warnings.len()), ("default", 0));
    let times = |name: &str| {
        let rules = client.method(name).rules();
        (rules.connect.as_millis(), rules.timeout.as_millis())
    };
    assert_eq!(
        (times("Login"), times("GetUsers"), times("Unknown")),
        ((100, 8000), (100, 3000), (100, 3000))
    );

    let applied = client.apply(Category::RpcTimeout, "").unwrap();
    assert_eq!((applied.new.as_str(), times("Login")), ("default", (200, 2000)));
}

#[test]
fn no_document_makes_a_change_repeatable() {
    let client = client();
    let policy = r#"{"enable": true, "type": 0, "failure_policy": {"stop_policy": {"max_retry_times": 3}}}"#;
    let text = format!(r#"{{"*": {policy}, "Login": {policy}, "Nothing": {policy}}}"#);
    let applied = client.apply(Category::Retry, &text).unwrap();
    assert_eq!(applied.warnings.len(), 2, "{applied:?}");
    assert!(applied.warnings[0].starts_with("Login changes something"), "{applied:?}");
    for (name, method) in &client.methods {
        let repeats = method.rules().repeat.is_some();
        assert_eq!(repeats, is_read("fanone.user", name), "{name}");
    }
    let Some(Repeat::Failure(policy)) = client.method("GetUsers").rules().repeat else { panic!() };
    assert_eq!((policy.retries, policy.total, policy.error_rate), (3, None, Some(0.1)));
}

#[test]
fn repeating_can_be_switched_off_and_be_a_backup() {
    let client = client();
    let text = r#"{"*": {"enable": false}, "FindUser": {"enable": true, "type": 1,
        "backup_policy": {"retry_delay_ms": 30, "stop_policy": {"max_retry_times": 1}}}}"#;
    client.apply(Category::Retry, text).unwrap();
    assert_eq!(client.method("GetUsers").rules().repeat, None);
    let Some(Repeat::Backup(policy)) = client.method("FindUser").rules().repeat else { panic!() };
    assert_eq!((policy.delay.as_millis(), policy.backups, policy.within), (30, 1, None));
}

#[test]
fn a_bad_document_changes_nothing() {
    let client = client();
    client.apply(Category::Degradation, r#"{"enable": true, "percentage": 100}"#).unwrap();
    let refused = client.apply(Category::Degradation, r#"{"enable": true, "percentage": 101}"#).unwrap_err();
    assert_eq!(refused.field, "percentage");
    assert!(client.degrades());
    client.apply(Category::Degradation, "").unwrap();
    assert!(!client.degrades());
}

#[test]
fn the_percentage_is_that_of_the_calls_that_are_given_up() {
    let client = client();
    client.apply(Category::Degradation, r#"{"enable": true, "percentage": 30}"#).unwrap();
    let given_up = (0..1000).filter(|_| client.degrades()).count();
    assert!((200..400).contains(&given_up), "{given_up} of 1000");
    client.apply(Category::Degradation, r#"{"enable": false, "percentage": 30}"#).unwrap();
    assert!((0..1000).all(|_| !client.degrades()));
}

#[tokio::test(start_paused = true)]
async fn an_instance_with_an_open_breaker_is_passed_over_for_that_method_alone() {
    let (client, two) = (client(), instances(2));
    client.apply(Category::CircuitBreak, QUICK).unwrap();
    break_it(&client, 1, &two);
    for _ in 0..5 {
        assert_eq!(chosen(&client, "GetUsers", &two), Ok(2));
        let choice = client.choose(client.method("GetUsers"), &two, None).unwrap();
        assert!(choice.other.is_none(), "it does not even take over");
    }
    let others: Vec<_> = (0..4).map(|_| chosen(&client, "FindUser", &two).unwrap()).collect();
    assert!(others.contains(&1) && others.contains(&2), "{others:?}");

    // Half open, it gets one call of its turns, and no second one until that is back.
    tokio::time::advance(Duration::from_secs(5)).await;
    let turns: Vec<_> = (0..6).map(|_| chosen(&client, "GetUsers", &two).unwrap()).collect();
    assert_eq!(turns.iter().filter(|port| **port == 1).count(), 1, "{turns:?}");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_open_there_is_no_call_and_a_rule_can_close_them() {
    let (client, two) = (client(), instances(2));
    client.apply(Category::CircuitBreak, QUICK).unwrap();
    break_it(&client, 1, &two);
    break_it(&client, 2, &two);
    assert_eq!(chosen(&client, "GetUsers", &two), Err(NoInstance::CutOff));
    assert!(chosen(&client, "Login", &two).is_ok());
    client.apply(Category::CircuitBreak, r#"{"GetUsers": {"enable": false}}"#).unwrap();
    assert!(chosen(&client, "GetUsers", &two).is_ok());
    assert!(client.method("GetUsers").look().values().all(|(state, ..)| state.name() == "closed"));
    assert_eq!(chosen(&client, "GetUsers", &[]), Err(NoInstance::Weightless));
}

#[test]
fn an_attempt_after_another_goes_elsewhere_if_there_is_an_elsewhere() {
    let (client, method) = (client(), "GetUsers");
    for (count, expected) in [(2, 2), (1, 1)] {
        let instances = instances(count);
        for _ in 0..3 {
            let avoided = Some(SocketAddr::from(([127, 0, 0, 1], 1)));
            let choice = client.choose(client.method(method), &instances, avoided).unwrap();
            assert_eq!(choice.first.address().port(), expected);
        }
    }
}

#[test]
fn breakers_of_instances_that_have_gone_go_when_others_come() {
    let (client, three) = (client(), instances(3));
    (0..3).for_each(|_| assert!(chosen(&client, "GetUsers", &three[..2]).is_ok()));
    assert_eq!(client.method("GetUsers").look().len(), 2);
    (0..3).for_each(|_| assert!(chosen(&client, "GetUsers", &three[1..]).is_ok()));
    let ports: Vec<u16> = client.method("GetUsers").look().keys().map(SocketAddr::port).collect();
    assert_eq!(ports, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn when_too_many_attempts_fail_there_are_no_more_of_them() {
    let client = client();
    let method = client.method("GetUsers");
    (0..9).for_each(|_| method.note_attempt(false));
    assert!(method.may_repeat(Some(0.1)));
    method.note_attempt(true);
    assert!(!method.may_repeat(Some(0.1)));
    assert!(method.may_repeat(Some(0.2)) && method.may_repeat(None));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(method.may_repeat(Some(0.1)));
}
