//! What is read, and what is refused with which field named.

use super::*;

fn refused<T: Checked + std::fmt::Debug>(text: &str) -> String {
    read::<T>(text).unwrap_err().to_string()
}

fn retries(text: &str) -> ByMethod<Retry> {
    read(text).unwrap().unwrap()
}

/// The examples of Kitex' own documentation.
const RETRY: &str = r#"{
    "*": {"enable": true, "type": 0, "failure_policy": {
        "stop_policy": {"max_retry_times": 3, "max_duration_ms": 2000, "disable_chain_stop": false,
                        "ddl_stop": false, "cb_policy": {"error_rate": 0.3}},
        "backoff_policy": {"backoff_type": "fixed", "cfg_items": {"fix_ms": 50}},
        "retry_same_node": false}},
    "Info": {"enable": true, "type": 1, "backup_policy": {"retry_delay_ms": 100,
        "stop_policy": {"max_retry_times": 2, "max_duration_ms": 500, "cb_policy": {"error_rate": 0.5}}}}
}"#;

#[test]
fn the_documents_of_kitex_are_read() {
    let found = retries(RETRY);
    let all = found["*"].failure_policy.as_ref().unwrap();
    assert_eq!((all.stop_policy.max_retry_times, all.stop_policy.cb_policy.rate()), (3, 0.3));
    assert_eq!(all.stop_policy.warning(), None);
    let info = found["Info"].backup_policy.as_ref().unwrap();
    assert_eq!((info.retry_delay_ms, info.stop_policy.cb_policy.rate()), (100, 0.1));
    assert!(info.stop_policy.warning().unwrap().contains("0.5"), "Kitex warns, too");

    let limit: Limit = read(r#"{"connection_limit": 100, "qps_limit": 2000}"#).unwrap().unwrap();
    assert_eq!(limit, Limit { connection_limit: 100, qps_limit: 2000 });
    let times =
        r#"{"*": {"conn_timeout_ms": 100, "rpc_timeout_ms": 3000}, "Publish": {"rpc_timeout_ms": 8000}}"#;
    let times: ByMethod<Timeout> = read(times).unwrap().unwrap();
    assert_eq!(times["Publish"], Timeout { conn_timeout_ms: 0, rpc_timeout_ms: 8000 });
    let breaks = r#"{"Login": {"enable": true, "err_rate": 0.3, "min_sample": 100}}"#;
    assert_eq!(read::<ByMethod<CircuitBreak>>(breaks).unwrap().unwrap()["Login"].err_rate, 0.3);
    let part: Degradation = read(r#"{"enable": true, "percentage": 50}"#).unwrap().unwrap();
    assert_eq!(part, Degradation { enable: true, percentage: 50 });
}

#[test]
fn unknown_keys_are_passed_over_and_what_is_left_out_is_as_in_go() {
    let limit: Limit = read(r#"{"qps_limit": 5, "colour": [1, {"a": null}]}"#).unwrap().unwrap();
    assert_eq!(limit, Limit { connection_limit: 0, qps_limit: 5 });
    let breaks: ByMethod<CircuitBreak> = read(r#"{"Login": {"err_rate": 0.2}}"#).unwrap().unwrap();
    assert_eq!(breaks["Login"], CircuitBreak { enable: false, err_rate: 0.2, min_sample: 200 });
    assert_eq!(retries(r#"{"*": {"enable": false}}"#)["*"], Retry::default());
}

#[test]
fn no_text_is_no_document() {
    assert_eq!(read::<Limit>(""), Ok(None));
    assert_eq!(read::<Limit>(" \n"), Ok(None));
    assert_eq!(read::<Limit>("{}"), Ok(Some(Limit::default())));
}

#[test]
fn a_wrong_value_is_refused_with_its_field() {
    assert!(refused::<Limit>(r#"{"qps_limit": -1}"#).starts_with("qps_limit: "));
    assert!(refused::<Limit>(r#"{"qps_limit": "many"}"#).starts_with("qps_limit: "));
    assert!(refused::<Limit>(r#"{"qps_limit": 4000000000}"#).starts_with("qps_limit: must be"));
    assert!(refused::<Degradation>(r#"{"percentage": 101}"#).starts_with("percentage: "));
    let times = refused::<ByMethod<Timeout>>(r#"{"Login": {"rpc_timeout_ms": 3600001}}"#);
    assert!(times.starts_with("Login.rpc_timeout_ms: "), "{times}");
    for rate in ["0", "1.1", "-0.5"] {
        let text = format!(r#"{{"Login": {{"enable": true, "err_rate": {rate}}}}}"#);
        assert!(refused::<ByMethod<CircuitBreak>>(&text).starts_with("Login.err_rate: "));
    }
    assert!(refused::<Limit>("qps_limit: 5").starts_with("the document: "), "no JSON");
    assert!(refused::<Limit>("{} {}").starts_with("the document: "), "more than one");
    assert!(refused::<Limit>("[]").contains(": "));
    assert!(refused::<Limit>(&" ".repeat(DOCUMENT_BYTES_MAX + 1)).contains("longer"));
}

#[test]
fn a_policy_that_kitex_would_not_take_is_refused_with_its_field() {
    let failure = |policy: &str| {
        refused::<ByMethod<Retry>>(&format!(
            r#"{{"Info": {{"enable": true, "type": 0, "failure_policy": {policy}}}}}"#
        ))
    };
    let stop = failure(r#"{"stop_policy": {"max_retry_times": 6}}"#);
    assert!(stop.starts_with("Info.failure_policy.stop_policy.max_retry_times: "), "{stop}");
    let kind = failure(r#"{"backoff_policy": {"backoff_type": "exponential"}}"#);
    assert!(kind.starts_with("Info.failure_policy.backoff_policy.backoff_type: "), "{kind}");
    let ends =
        failure(r#"{"backoff_policy": {"backoff_type": "random", "cfg_items": {"min_ms": 9, "max_ms": 5}}}"#);
    assert!(ends.starts_with("Info.failure_policy.backoff_policy.cfg_items.max_ms: "), "{ends}");

    let entry =
        |entry: &str| refused::<ByMethod<Retry>>(&format!(r#"{{"Info": {{"enable": true, {entry}}}}}"#));
    let backups =
        entry(r#""type": 1, "backup_policy": {"retry_delay_ms": 9, "stop_policy": {"max_retry_times": 3}}"#);
    assert!(backups.starts_with("Info.backup_policy.stop_policy.max_retry_times: "), "{backups}");
    assert!(entry(r#""type": 1, "backup_policy": {}"#).starts_with("Info.backup_policy.retry_delay_ms: "));
    assert!(entry(r#""type": 2"#).starts_with("Info.type: "));
    assert!(entry(r#""type": 0"#).starts_with("Info: type 0 needs"));
    assert!(entry(r#""type": 1, "failure_policy": {}, "backup_policy": {}"#).starts_with("Info: type 1"));
}
