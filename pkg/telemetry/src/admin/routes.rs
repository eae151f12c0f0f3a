//! The pages of the admin port.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use super::Admin;
use super::page::{Page, escaped};
use super::profile::{Form, ProfileError};
use crate::names;

const SECONDS_DEFAULT: u64 = 10;
const SECONDS_MAX: u64 = 60;
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const INDEX: &str = r#"<!doctype html>
<html lang="en">
<title>FanOne admin</title>
<h1>FanOne admin</h1>
<ul>
<li><a href="/healthz">/healthz</a>: the process runs
<li><a href="/readyz">/readyz</a>: each part by name
<li><a href="/metrics">/metrics</a>: for Prometheus
<li><a href="/debug/pprof/flamegraph?seconds=10">/debug/pprof/flamegraph?seconds=10</a>: where the processor time goes
<li><a href="/debug/pprof/profile?seconds=10">/debug/pprof/profile?seconds=10</a>: the same for <code>go tool pprof</code>
"#;

type Answer = Response<Full<Bytes>>;

pub(super) async fn answer(admin: &Admin, request: &Request<Incoming>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are known here\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/" => page(StatusCode::OK, HTML, index(admin)),
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(admin).await,
        "/metrics" => measured(admin).await,
        "/debug/pprof/profile" => profile(admin, query, Form::Protobuf).await,
        "/debug/pprof/flamegraph" => profile(admin, query, Form::Flamegraph).await,
        path => match admin.pages.iter().find(|page| page.path() == path) {
            Some(found) => shown(found, wants_json(query, request.headers().get(ACCEPT))),
            None => text(StatusCode::NOT_FOUND, "no such page; / lists what there is\n"),
        },
    }
}

/// What there is, also of others.
fn index(admin: &Admin) -> String {
    let others = admin
        .pages
        .iter()
        .map(|page| format!("<li><a href=\"{0}\">{0}</a>: {1}\n", page.path(), escaped(page.about())));
    format!("{INDEX}{}</ul>\n", others.collect::<String>())
}

fn shown(found: &Page, json: bool) -> Answer {
    if json {
        page(StatusCode::OK, "application/json", format!("{:#}\n", found.value()))
    } else {
        page(StatusCode::OK, HTML, found.html())
    }
}

/// People's browsers name HTML first; programs say what they want, or ask for it in the URL.
fn wants_json(query: &str, accept: Option<&HeaderValue>) -> bool {
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let at = |kind: &str| accept.find(kind).unwrap_or(usize::MAX);
    query.split('&').any(|pair| pair == "format=json") || at("application/json") < at("text/html")
}

async fn ready(admin: &Admin) -> Answer {
    let report = admin.readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_vec_pretty(&report) {
        Ok(body) => page(status, "application/json", body),
        Err(error) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("the report can't be written: {error}\n"))
        }
    }
}

/// All metrics, with how the parts are at this moment.
async fn measured(admin: &Admin) -> Answer {
    for (name, part) in admin.readiness.report().await.parts {
        metrics::gauge!(names::PART_READY, "part" => name).set(if part.ready { 1.0 } else { 0.0 });
    }
    page(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", admin.metrics.render())
}

async fn profile(admin: &Admin, query: &str, form: Form) -> Answer {
    let Some(seconds) = seconds(query) else {
        return text(
            StatusCode::BAD_REQUEST,
            format!("seconds must be 1 to {SECONDS_MAX}, as in ?seconds=10\n"),
        );
    };
    match admin.profiler.take(Duration::from_secs(seconds), form).await {
        Ok(body) => {
            let kind = match form {
                Form::Protobuf => "application/octet-stream",
                Form::Flamegraph => "image/svg+xml",
            };
            page(StatusCode::OK, kind, body)
        }
        Err(error @ ProfileError::Busy) => text(StatusCode::TOO_MANY_REQUESTS, format!("{error}\n")),
        Err(error) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("{}; look at the log\n", crate::chain(&error)))
        }
    }
}

/// The `seconds` of a query, or the default when there is none.
fn seconds(query: &str) -> Option<u64> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("seconds="));
    let seconds = value.map_or(Some(SECONDS_DEFAULT), |text| text.parse().ok())?;
    (1..=SECONDS_MAX).contains(&seconds).then_some(seconds)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    page(status, TEXT, body)
}

fn page(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
