//! Traces: which way a request took through the site, and how long each part of it was.
//!
//! Whether a request is traced is decided once, at the front ([`of_request`]); the others make no spans at all. The
//! span that is open goes along with the task ([`within`]), so that whatever is done inside finds it ([`child`]), and
//! with calls and batches as a `traceparent`.
//!
//! ```
//! use fanone_telemetry::trace::{self, Kind};
//!
//! # async fn answer() {
//! let mut span = trace::of_request("fanone.http", false, |_header| None);
//! trace::within(span.context(), async {
//!     let mut part = trace::child(Kind::Internal);
//!     if part.is_recorded() {
//!         part.rename("find the cover");
//!     }
//! })
//! .await;
//! if span.is_recorded() {
//!     span.rename("GET /video/feed");
//! }
//! # }
//! ```

mod context;
mod export;
mod lines;
mod span;

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc;

use crate::names;

pub use context::{Context, current, enter, within};
pub use export::{Exporting, TraceError, start};
pub(crate) use lines::Traced;
pub use span::{Kind, Span};

/// Spans that wait for their export at most; the others are dropped, and counted.
const QUEUE_MAX: usize = 8192;
/// Links of one span at most.
pub const LINKS_MAX: usize = 32;

static TRACING: OnceLock<Tracing> = OnceLock::new();
/// Of a thousand requests, how many are traced.
static RATE: AtomicU32 = AtomicU32::new(0);

/// A span that has ended, and the place of its service.
type Ended = (usize, SpanData);

/// Where spans go.
struct Tracing {
    services: Vec<&'static str>,
    ended: mpsc::Sender<Ended>,
}

impl Tracing {
    fn place(&self, service: &str) -> Option<usize> {
        self.services.iter().position(|name| *name == service)
    }

    fn send(&self, service: usize, span: SpanData) {
        if self.ended.try_send((service, span)).is_err() {
            count_dropped("queue", 1);
        }
    }
}

fn count_dropped(reason: &'static str, spans: usize) {
    metrics::counter!(names::TRACE_SPANS_DROPPED, "reason" => reason).increment(spans as u64);
}

/// Whether traces are made in this process.
#[must_use]
pub fn is_on() -> bool {
    TRACING.get().is_some()
}

/// Sets how many of a thousand requests are traced.
pub fn set_rate(per_mille: u16) {
    RATE.store(u32::from(per_mille), Ordering::Relaxed);
}

/// The span of a request to `service` from outside. `read` gives the headers of the request: with a `traceparent` from
/// somebody `trusted` the request is a part of that trace, and traced if that one is; otherwise chance decides.
pub fn of_request(service: &str, trusted: bool, read: impl Fn(&str) -> Option<String>) -> Span {
    let Some(tracing) = TRACING.get() else { return Span::none() };
    let parent = if trusted { context::read(read) } else { None };
    let sampled = match &parent {
        Some(parent) => parent.is_sampled(),
        None => rand::random::<u32>() % 1000 < RATE.load(Ordering::Relaxed),
    };
    if sampled { tracing.open(service, parent.as_ref(), Kind::Server) } else { Span::none() }
}

/// The span of a call that `service` serves, if the caller traces it. `read` gives the metadata of the call.
pub fn of_call(service: &str, read: impl Fn(&str) -> Option<String>) -> Span {
    let Some(tracing) = TRACING.get() else { return Span::none() };
    match context::read(read).filter(SpanContext::is_sampled) {
        Some(parent) => tracing.open(service, Some(&parent), Kind::Server),
        None => Span::none(),
    }
}

/// The span of something that `service` does for many traces at once: a new trace with links to at most [`LINKS_MAX`]
/// of `traceparents`; nothing if there are none.
pub fn of_batch(service: &str, traceparents: &[String]) -> Span {
    let Some(tracing) = TRACING.get() else { return Span::none() };
    let parents = traceparents.iter().filter_map(|text| context::parse(text, "")).take(LINKS_MAX);
    let parents: Vec<SpanContext> = parents.collect();
    if parents.is_empty() {
        return Span::none();
    }
    let mut span = tracing.open(service, None, Kind::Producer);
    span.link(parents);
    span
}

/// A part of what is going on, if that is traced. It ends when it is dropped.
pub fn child(kind: Kind) -> Span {
    current().map_or_else(Span::none, |context| Span::inside(&context, kind))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc::Receiver;
    use tokio::sync::{Mutex, MutexGuard};

    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    /// What ends from here on; the tests take turns.
    async fn recorded() -> MutexGuard<'static, Receiver<Ended>> {
        static ENDED: OnceLock<Mutex<Receiver<Ended>>> = OnceLock::new();
        let install = || {
            let (ended, queue) = mpsc::channel(4);
            let services = vec!["test.front", "test.back"];
            assert!(TRACING.set(Tracing { services, ended }).is_ok());
            Mutex::new(queue)
        };
        let mut queue = ENDED.get_or_init(install).lock().await;
        while queue.try_recv().is_ok() {}
        set_rate(0);
        queue
    }

    fn header(traceparent: &'static str) -> impl Fn(&str) -> Option<String> {
        move |key| (key == "traceparent").then(|| traceparent.to_owned())
    }

    #[tokio::test]
    async fn a_trace_goes_on_through_calls() {
        let mut ended = recorded().await;
        let request = of_request("test.front", true, header(SAMPLED));
        let sent = within(request.context(), async {
            let call = child(Kind::Client);
            call.context().unwrap().traceparent()
        })
        .await;
        drop(of_call("test.back", move |key| (key == "traceparent").then(|| sent.clone())));
        drop(request);
        let (client, served) = (ended.recv().await.unwrap(), ended.recv().await.unwrap());
        let front = ended.recv().await.unwrap();
        assert_eq!((front.0, client.0, served.0), (0, 0, 1));
        assert_eq!(front.1.parent_span_id.to_string(), "b7ad6b7169203331");
        assert_eq!(client.1.parent_span_id, front.1.span_context.span_id());
        assert_eq!(served.1.parent_span_id, client.1.span_context.span_id());
        for (_, span) in [&front, &client, &served] {
            assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        }
    }

    #[tokio::test]
    async fn outsiders_decide_nothing_and_the_rate_decides_the_rest() {
        let _turn = recorded().await;
        assert!(!of_request("test.front", false, header(SAMPLED)).is_recorded());
        assert!(!of_request("test.front", true, header("garbage")).is_recorded());
        set_rate(1000);
        let own = of_request("test.front", false, header(SAMPLED));
        assert!(!own.context().unwrap().traceparent().contains("0af7651916cd43dd8448eb211c80319c"));
        assert!(!of_request("test.front", true, header(NOT_SAMPLED)).is_recorded());
        assert!(!of_call("test.back", header(NOT_SAMPLED)).is_recorded());
        assert!(!child(Kind::Client).is_recorded(), "nothing is going on in this task");
    }

    #[tokio::test]
    async fn a_batch_is_linked_to_what_travels_in_it() {
        let mut ended = recorded().await;
        assert!(!of_batch("test.back", &["garbage".to_owned()]).is_recorded());
        drop(of_batch("test.back", &vec![SAMPLED.to_owned(); LINKS_MAX + 1]));
        let (_, span) = ended.recv().await.unwrap();
        assert_eq!((span.links.links.len(), span.parent_span_is_remote), (LINKS_MAX, false));
        assert_ne!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let metrics = crate::metrics::install().unwrap();
        let _turn = recorded().await;
        for _ in 0..6 {
            let mut span = of_request("test.front", true, header(SAMPLED));
            span.began_ago(Duration::from_secs(1));
        }
        assert!(metrics.render().contains("fanone_trace_spans_dropped_total{reason=\"queue\"} 2"));
    }
}
