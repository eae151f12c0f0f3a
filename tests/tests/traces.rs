//! Traces, read back from a real Jaeger: `scripts/servers up jaeger`.

use std::{collections::BTreeSet, time::Duration};

use fanone_tests::{
    Jaeger, Json as _, Signal, Site, eventually,
    jaeger::Span,
    pictures,
    world::{World, is_bucket},
};
use serde_json::Value;

const PARENT: &str = "b7ad6b7169203331";

fn new_trace() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{PARENT}-{flags}")
}

/// A site that traces `per_mille` of its requests, and all that it is told to.
async fn traced(jaeger: &Jaeger, per_mille: &str) -> Site {
    Site::with(&[
        ("telemetry.otlp", jaeger.otlp.as_str()),
        ("telemetry.sample_per_mille", per_mille),
        ("telemetry.log_format", "json"),
        ("limits.enabled", "true"),
    ])
    .await
}

fn find<'a>(spans: &'a [Span], service: &str, name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.service == service && span.name == name).collect()
}

fn has(spans: &[Span], service: &str, name: &str) -> bool {
    !find(spans, service, name).is_empty()
}

/// Those whose parent is not among them.
fn loose(spans: &[Span]) -> impl Iterator<Item = &Span> {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    spans.iter().filter(move |span| !ids.contains(span.parent.as_str()))
}

#[tokio::test]
async fn a_like_is_one_trace_through_the_services_and_linked_to_the_batch_of_its_counter() {
    let jaeger = Jaeger::of_run();
    let site = traced(&jaeger, "0").await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("one").await.text("id");

    let trace = new_trace();
    let like = bob.post("/like/action").with("video_id", &video).with("action_type", 1);
    let answer = like.header("traceparent", &traceparent(&trace, "01")).send().await;
    answer.success();
    assert!(answer.header("traceresponse").contains(&trace), "{:?}", answer.headers);

    // Each process exports its spans in its own time.
    let whole = |spans: &[Span]| {
        let spans_of_each = [
            ("fanone.http", "POST /like/action"),
            ("fanone.interaction", "fanone.interaction/Like"),
            ("fanone.interaction", "INSERT outbox"),
            ("fanone.interaction", "transaction"),
        ];
        spans_of_each.iter().all(|(service, name)| has(spans, service, name)) && loose(spans).count() <= 1
    };
    let spans = jaeger.trace(&trace, whole).await;
    let front = find(&spans, "fanone.http", "POST /like/action")[0];
    assert_eq!(front.parent, PARENT);
    assert_eq!(front.tags["http.response.status_code"], "200");
    let loose: Vec<&str> = loose(&spans).map(|span| span.id.as_str()).collect();
    assert_eq!(loose, [front.id.as_str()], "each other span is a part of another: {spans:#?}");

    let called = find(&spans, "fanone.http", "fanone.interaction/Like")[0];
    let served = find(&spans, "fanone.interaction", "fanone.interaction/Like")[0];
    assert_eq!((&called.parent, &served.parent), (&front.id, &called.id));
    assert_eq!((called.tags["span.kind"].as_str(), served.tags["span.kind"].as_str()), ("client", "server"));
    assert_ne!(called.instance, served.instance);
    let written = find(&spans, "fanone.interaction", "INSERT outbox")[0];
    assert_eq!(written.tags["db.namespace"], "interaction");
    let system = if World::of_run() == World::Embedded { "sqlite" } else { "mysql" };
    assert_eq!(written.tags["db.system.name"], system);
    let transaction = spans.iter().find(|span| span.id == written.parent).map(|span| span.name.as_str());
    assert_eq!(transaction, Some("transaction"));
    let asks_redis = spans.iter().any(|span| span.tags.get("db.system.name").is_some_and(|it| it == "redis"));
    assert_eq!(asks_redis, World::of_run() != World::Embedded);

    let everything = format!("{spans:?}");
    for secret in [&bob.access, &bob.refresh, &bob.name, &video, &alice.id] {
        assert!(!everything.contains(secret.as_str()), "{secret} is in the trace");
    }

    let is_ours = |span: &Span| span.links.contains(&trace);
    let batches = jaeger.traces_with("fanone.interaction", "batch", |spans| spans.iter().any(is_ours)).await;
    let batch = batches.iter().find(|span| is_ours(span)).map(|span| span.trace.clone()).unwrap_or_default();
    let taken = |spans: &[Span]| has(spans, "fanone.video", "fanone.video/ApplyEvents");
    jaeger.trace(&batch, taken).await;
}

#[tokio::test]
async fn a_new_avatar_is_one_trace_to_where_it_is_stored() {
    let jaeger = Jaeger::of_run();
    let site = traced(&jaeger, "0").await;
    let alice = site.user("alice").await;
    let trace = new_trace();
    let upload = alice.put("/user/avatar/upload").header("traceparent", &traceparent(&trace, "01"));
    upload.file("me.png", pictures::png(1)).send().await.success();
    let stored = |spans: &[Span]| has(spans, "fanone.http", "S3 PUT") || !is_bucket();
    // The request's own span ends last, and may travel after the others.
    let ended = |spans: &[Span]| has(spans, "fanone.http", "PUT /user/avatar/upload");
    let whole =
        |spans: &[Span]| stored(spans) && ended(spans) && has(spans, "fanone.user", "fanone.user/SetAvatar");
    let spans = jaeger.trace(&trace, whole).await;
    let front = find(&spans, "fanone.http", "PUT /user/avatar/upload")[0];
    for put in find(&spans, "fanone.http", "S3 PUT") {
        assert_eq!(
            (put.parent.as_str(), put.tags["http.response.status_code"].as_str()),
            (&*front.id, "200")
        );
    }
}

#[tokio::test]
async fn what_is_not_sampled_and_garbage_make_no_trace() {
    let jaeger = Jaeger::of_run();
    let site = traced(&jaeger, "0").await;
    let trace = new_trace();
    let no_trace = format!("00-{}-{PARENT}-01", "0".repeat(32));
    let not_sampled = traceparent(&trace, "00");
    for header in [not_sampled.as_str(), "garbage", "", no_trace.as_str()] {
        let answer = site.guest().get("/video/feed").header("traceparent", header).send().await;
        answer.success();
        assert_eq!(answer.header("traceresponse"), "", "{header}");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(jaeger.now(&trace).await.len(), 0);
}

#[tokio::test]
async fn a_request_that_chance_picks_is_found_from_its_log_line() {
    let jaeger = Jaeger::of_run();
    let mut site = traced(&jaeger, "1000").await;
    let answer = site.guest().get("/video/feed").send().await;
    let trace = answer.header("traceresponse").split('-').nth(1).unwrap_or_default().to_owned();
    assert_eq!(trace.len(), 32, "{:?}", answer.headers);
    jaeger.trace(&trace, |spans| has(spans, "fanone.http", "GET /video/feed")).await;
    site.stop(Signal::Interrupt).await;
    let log = site.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.into_iter().find(|line| line["trace_id"] == trace.as_str());
    assert!(line.is_some_and(|line| line["route"] == "/video/feed"), "{log}");
}

#[tokio::test]
async fn a_dead_collector_changes_nothing_and_is_told_once() {
    let nowhere = [("telemetry.otlp", "http://127.0.0.1:1"), ("telemetry.sample_per_mille", "1000")];
    let mut site = Site::with(&nowhere).await;
    for _ in 0..20 {
        site.guest().get("/video/feed").send().await.success();
    }
    eventually("lost spans are counted", async || {
        let lost = site.metrics().await.sum("fanone_trace_spans_dropped_total");
        if lost >= 20.0 { Ok(()) } else { Err(lost.to_string()) }
    })
    .await;
    let processes = site.process_count();
    let stopped = site.stop(Signal::Interrupt).await;
    assert!(stopped.exits.iter().all(|exit| exit.success()));
    assert!(stopped.took < Duration::from_secs(3), "{:?}", stopped.took);
    let told = site.log().lines().filter(|line| line.contains("takes no traces")).count();
    assert!((1..=processes).contains(&told), "{told} lines");
}

#[tokio::test]
async fn without_a_collector_there_are_no_traces() {
    let site = Site::shared().await;
    let header = traceparent(&new_trace(), "01");
    let answer = site.guest().get("/video/feed").header("traceparent", &header).send().await;
    answer.success();
    assert_eq!(answer.header("traceresponse"), "");
}
