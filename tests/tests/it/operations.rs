//! The admin port, and an orderly end.

use std::time::Duration;

use fanone_tests::{Chat, Signal, Site, site::SERVICES};

const METRICS: [&str; 8] = [
    "db_client_operation_duration_seconds",
    "fanone_job_duration_seconds",
    "fanone_job_failures_total",
    "fanone_outbox_lag_seconds",
    "fanone_outbox_pending_events",
    "http_server_request_duration_seconds",
    "rpc_client_call_duration_seconds",
    "rpc_server_call_duration_seconds",
];

#[tokio::test]
async fn the_site_says_that_it_lives_and_which_parts_are_ready() {
    let site = Site::shared().await;
    let guest = site.guest();
    let mut parts = String::new();
    for url in site.admin_urls("/healthz") {
        assert_eq!(guest.get(&url).send().await.status, 200);
    }
    for url in site.admin_urls("/readyz") {
        let answer = guest.get(&url).send().await;
        assert_eq!(answer.status, 200);
        parts.push_str(&answer.text());
    }
    let databases = SERVICES.map(|service| format!("{service}.database"));
    for part in databases.iter().map(String::as_str).chain(["http.cache", "http.media"]) {
        assert!(parts.contains(part), "{part} is not named in {parts}");
    }
}

#[tokio::test]
async fn the_metrics_have_the_names_that_dashboards_know() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let video = alice.publish("measured").await;
    alice.like_video(video["id"].as_str().unwrap(), 1).await.success();

    let metrics = fanone_tests::eventually("every metric has been used", async || {
        let metrics = site.metrics().await;
        let missing: Vec<_> = METRICS.iter().filter(|name| !metrics.families.contains(**name)).collect();
        if missing.is_empty() {
            Ok(metrics)
        } else {
            Err(format!("{missing:?} not in {:?}", metrics.families))
        }
    })
    .await;

    for (name, labels) in [
        ("http_server_request_duration_seconds_count", &["http_request_method", "http_route"][..]),
        ("http_server_request_duration_seconds_count", &["http_response_status_code"]),
        ("rpc_client_call_duration_seconds_count", &["rpc_method", "caller", "outcome"]),
        ("rpc_server_call_duration_seconds_count", &["rpc_method", "caller", "outcome"]),
        ("db_client_operation_duration_seconds_count", &["db_namespace", "db_operation_name"]),
        ("fanone_job_duration_seconds_count", &["job_name"]),
    ] {
        let sample = metrics.samples.iter().find(|sample| sample.name == name).unwrap();
        labels.iter().for_each(|label| assert_ne!(sample.label(label), "", "{name}: no {label}"));
    }
}

#[tokio::test]
async fn a_route_is_a_pattern_and_never_a_path_from_outside() {
    let site = Site::shared().await;
    let guest = site.guest();
    guest.get("/media/one-of-many-keys").send().await;
    guest.get("/no/such/path-of-an-attacker").send().await;
    let metrics = site.metrics().await;
    for sample in metrics.samples {
        let route = sample.label("http_route");
        assert!(!route.contains("attacker") && !route.contains("one-of-many"), "{sample:?}");
    }
}

#[tokio::test]
async fn profiles_are_taken_while_the_site_runs() {
    let site = Site::start().await;
    let guest = site.guest();
    let admin = site.admin_urls("");
    let profile = guest.get(&format!("{}/debug/pprof/profile?seconds=1", admin[0])).send().await;
    assert_eq!((profile.status, profile.body.is_empty()), (200, false));
    let graph = guest.get(&format!("{}/debug/pprof/flamegraph?seconds=1", admin[0])).send().await;
    assert_eq!(graph.status, 200);
    assert!(graph.header("content-type").contains("svg"), "{}", graph.header("content-type"));
}

#[tokio::test]
async fn what_is_for_operators_is_not_on_the_public_port() {
    let site = Site::shared().await;
    for path in ["/metrics", "/readyz", "/debug/pprof/profile", "/debug/pprof/flamegraph"] {
        assert_eq!(site.guest().get(path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_site_cleanly_within_five_seconds() {
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let mut site = Site::start().await;
        let alice = site.user("alice").await;
        // Connections that would stay open for ever if nobody closed them.
        let _kept_alive = alice.get("/video/feed").send().await;
        let mut chat = Chat::connect(&site, &alice).await;

        let stopped = site.stop(signal).await;

        assert!(stopped.took < Duration::from_secs(5), "{:?}", stopped.took);
        assert!(
            stopped.exits.iter().all(std::process::ExitStatus::success),
            "{:?}\n{}",
            stopped.exits,
            site.log()
        );
        chat.closed().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let mut site = Site::start().await;
    let alice = site.user("alice").await;
    let request = alice.post("/video/publish").with("title", "just in time");
    let slow = futures::stream::iter(
        fanone_tests::clips::padded(200_000).chunks(20_000).map(<[u8]>::to_vec).collect::<Vec<_>>(),
    );
    let slow = futures::StreamExt::then(slow, |piece| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(piece)
    });
    let request = request.stream("clip.mp4", reqwest::Body::wrap_stream(slow), 200_000);
    let answer = tokio::spawn(request.try_send());
    tokio::time::sleep(Duration::from_millis(300)).await;

    site.stop(Signal::Terminate).await;

    answer.await.unwrap().expect("the upload is answered").success();
}
