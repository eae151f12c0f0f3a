//! What an operator sees and does in the console.

use std::time::{Duration, Instant};

use fanone_tests::{
    Json as _, Metrics, Signal, Site, eventually, eventually_within, site::SERVICES, world::Form,
};

use crate::load::Load;

/// What an operator changes counts within this.
const SOON: Duration = Duration::from_secs(2);

async fn calls(site: &Site, place: usize) -> f64 {
    let url = site.admin_urls("/metrics").into_iter().nth(place).expect("a process at this place");
    let text = reqwest::get(url).await.expect("ask for metrics").text().await.expect("read them");
    let is_call = |name: &str| name == "rpc_server_call_duration_seconds_count";
    let metrics = Metrics::parse(&text);
    metrics.samples.iter().filter(|sample| is_call(&sample.name)).map(|sample| sample.value).sum()
}

/// Whether calls come to the process at `place`.
async fn is_called(site: &Site, place: usize) -> bool {
    const A_MOMENT: Duration = Duration::from_millis(500);
    let before = calls(site, place).await;
    tokio::time::sleep(A_MOMENT).await;
    calls(site, place).await > before
}

#[tokio::test]
async fn processes_find_each_other_and_an_operator_sees_what_they_are() {
    let mut site = Site::start().await;
    let Some(namespace) = site.namespace().cloned() else { return };
    let alice = site.user("alice").await;
    alice.publish("found").await;
    assert_eq!(alice.get("/video/feed").send().await.success().texts("title"), ["found"]);

    for role in SERVICES.into_iter().chain(["http"]) {
        let row = namespace.instances(&format!("fanone.{role}")).await.into_iter().next();
        let row = row.unwrap_or_else(|| panic!("{role} is not registered"));
        assert_eq!((&row["weight"], &row["enabled"]), (&10.0.into(), &true.into()), "{row}");
        let metadata = &row["metadata"];
        let protocol = if role == "http" { "http" } else { "thrift" };
        assert_eq!(
            (&metadata["language"], &metadata["protocol"]),
            (&"rust".into(), &protocol.into()),
            "{row}"
        );
        for key in ["version", "commit", "framework", "transport", "started_at"] {
            assert!(
                metadata[key].as_str().is_some_and(|value| !value.is_empty()),
                "{key} is missing in {row}"
            );
        }
    }
    site.stop(Signal::Terminate).await;
    for role in SERVICES {
        assert!(namespace.instances(&format!("fanone.{role}")).await.is_empty(), "{role} has not left");
    }
    assert!(!site.log().contains(namespace.password()), "the password is in the log");
}

/// Whoever restarts one process after the other waits for no more than that.
#[tokio::test]
async fn a_process_that_says_it_is_ready_is_registered() {
    let mut site = Site::start().await;
    let Some(namespace) = site.namespace().cloned() else { return };
    for place in 0..site.process_count() {
        assert!(site.end_one(place).await.success());
        site.launch().await;
        let mut registered = 0;
        for role in SERVICES.into_iter().chain(["http"]) {
            registered += namespace.instances(&format!("fanone.{role}")).await.len();
        }
        assert_eq!(registered, site.process_count(), "after the start of {place}");
    }
}

#[tokio::test]
async fn a_replica_taken_offline_under_load_gets_no_call_and_none_fails() {
    /// The first process of the video service.
    const PLACE: usize = 2;
    if Form::of_run() != Form::Ten {
        return;
    }
    let site = Site::start().await;
    let Some(namespace) = site.namespace().cloned() else { return };
    let load = Load::begin(&site).await;
    assert!(is_called(&site, PLACE).await, "there is load");
    let port = site.port_at(PLACE, "video");

    namespace.switch("fanone.video", port, false).await;
    let clicked = Instant::now();
    while is_called(&site, PLACE).await {
        assert!(clicked.elapsed() < SOON, "it is still called {SOON:?} after the click");
    }
    println!("no call came after {:?}", clicked.elapsed());
    namespace.switch("fanone.video", port, true).await;
    eventually(
        "it is called again",
        async || {
            if is_called(&site, PLACE).await { Ok(()) } else { Err(String::new()) }
        },
    )
    .await;
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_that_ends_leaves_first_so_that_no_call_fails() {
    /// The first processes of the video and the interaction service, which the visitors use.
    const PLACES: [usize; 2] = [2, 4];
    if Form::of_run() != Form::Ten {
        return;
    }
    let mut site = Site::start().await;
    if site.namespace().is_none() {
        return;
    }
    let load = Load::begin(&site).await;
    for place in PLACES {
        assert!(site.end_one(place).await.success());
    }
    site.launch().await;
    for place in PLACES {
        eventually("it is called again", async || {
            if is_called(&site, place).await { Ok(()) } else { Err(format!("{place}")) }
        })
        .await;
    }
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_rule_of_calls_is_in_force_soon_after_it_was_published_and_until_it_is_deleted() {
    let site = Site::start().await;
    let Some(namespace) = site.namespace().cloned() else { return };
    let alice = site.user("alice").await;
    let name = "fanone.http.fanone.user.degradation";
    // A process that has just started may have to find its Nacos first.
    let (at_first, soon) = (Duration::from_secs(30), Duration::from_secs(3));
    let answers = async |code: i64, time: Duration| {
        eventually_within(time, "the rule counts", async || {
            let answer = alice.get("/user/info").send().await;
            if answer.code() == code { Ok(()) } else { Err(answer.shown()) }
        })
        .await;
    };
    namespace.publish(name, Some(r#"{"enable": true, "percentage": 100}"#)).await;
    answers(10006, at_first).await;
    namespace.publish(name, Some(r#"{"enable": true, "percentage": 0}"#)).await;
    answers(10000, soon).await;
    namespace.publish(name, Some(r#"{"enable": true, "percentage": 100}"#)).await;
    answers(10006, soon).await;
    namespace.publish(name, None).await;
    answers(10000, soon).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it_at_any_level() {
    let mut site = Site::prepared(&[]).await;
    let Some(namespace) = site.namespace().cloned() else { return };
    site.set("registry.url", &namespace.url_with_password("hunter2hunter2"));
    site.set(
        "telemetry.log_level",
        "info,nacos_sdk=trace,nacos_sdk::api::plugin::auth=trace,fanone_registry=trace",
    );
    site.launch_without_waiting();
    eventually("the log says so", async || {
        let log = site.log();
        if log.contains("Nacos refuses the user or the password") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(site.is_alive(), "it goes on without Nacos");
    site.stop(Signal::Terminate).await;
    let log = site.log();
    for secret in ["hunter2hunter2", namespace.password(), "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
