//! The Jaeger that `scripts/servers up jaeger` started, as somebody who looks traces up.

use std::{collections::BTreeMap, env, time::Duration};

use serde_json::Value;

use crate::{eventually_within, world};

/// Where traces go, and where they are seen.
pub struct Jaeger {
    /// For `telemetry.otlp`.
    pub otlp: String,
    api: String,
    http: reqwest::Client,
}

/// A span as Jaeger shows it.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its trace.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// What it is a part of; empty for the first of a trace.
    pub parent: String,
    /// The traces that it is linked to.
    pub links: Vec<String>,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub service: String,
    /// Which process of that service.
    pub instance: String,
    /// Its attributes as texts.
    pub tags: BTreeMap<String, String>,
}

impl Jaeger {
    /// That of this test run.
    pub fn of_run() -> Self {
        let (otlp, api) =
            (world::server("FANONE_TEST_OTLP", "jaeger"), world::server("FANONE_TEST_JAEGER", "jaeger"));
        Self { otlp, api, http: reqwest::Client::new() }
    }

    /// What makes a site trace everything, if `FANONE_TEST_TRACES` says so.
    pub(crate) fn settings_of_run() -> Vec<(String, String)> {
        match env::var("FANONE_TEST_TRACES").as_deref() {
            Ok("off") | Err(_) => Vec::new(),
            Ok("jaeger") => vec![
                ("telemetry.otlp".to_owned(), Self::of_run().otlp),
                ("telemetry.sample_per_mille".to_owned(), "1000".to_owned()),
            ],
            Ok(other) => panic!("FANONE_TEST_TRACES is `off` or `jaeger`, not `{other}`"),
        }
    }

    /// The spans of a trace, once they are `enough`.
    pub async fn trace(&self, id: &str, enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        self.wait(&format!("/api/traces/{id}"), enough).await
    }

    /// The spans of the traces in which `service` did `operation`, once they are `enough`.
    pub async fn traces_with(
        &self,
        service: &str,
        operation: &str,
        enough: impl Fn(&[Span]) -> bool,
    ) -> Vec<Span> {
        let path = format!("/api/traces?service={service}&operation={operation}&limit=200&lookback=1h");
        self.wait(&path, enough).await
    }

    /// The spans that there are of a trace now.
    pub async fn now(&self, id: &str) -> Vec<Span> {
        self.ask(&format!("/api/traces/{id}")).await
    }

    async fn wait(&self, path: &str, enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        eventually_within(Duration::from_secs(20), "the spans are in Jaeger", async || {
            let spans = self.ask(path).await;
            if enough(&spans) { Ok(spans) } else { Err(format!("{spans:#?}")) }
        })
        .await
    }

    async fn ask(&self, path: &str) -> Vec<Span> {
        let answer = self.http.get(format!("{}{path}", self.api)).send().await.expect("ask Jaeger");
        let json: Value = answer.json().await.expect("Jaeger answers in JSON");
        list(part(&json, "data")).iter().flat_map(spans_of).collect()
    }
}

fn part<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&Value::Null)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tags(value: &Value) -> BTreeMap<String, String> {
    list(value).iter().map(|tag| (text(part(tag, "key")), text(part(tag, "value")))).collect()
}

fn spans_of(trace: &Value) -> Vec<Span> {
    let span = |span: &Value| {
        let process = part(part(trace, "processes"), &text(part(span, "processID")));
        let references = list(part(span, "references"));
        let of_kind = |kind: &str, key: &str| -> Vec<String> {
            references
                .iter()
                .filter(|one| part(one, "refType") == kind)
                .map(|one| text(part(one, key)))
                .collect()
        };
        Span {
            trace: text(part(span, "traceID")),
            id: text(part(span, "spanID")),
            parent: of_kind("CHILD_OF", "spanID").into_iter().next().unwrap_or_default(),
            links: of_kind("FOLLOWS_FROM", "traceID"),
            name: text(part(span, "operationName")),
            service: text(part(process, "serviceName")),
            instance: tags(part(process, "tags")).remove("service.instance.id").unwrap_or_default(),
            tags: tags(part(span, "tags")),
        }
    };
    list(part(trace, "spans")).iter().map(span).collect()
}
