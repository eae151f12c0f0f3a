//! A part of a trace.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue, Value,
    trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{Context, TRACING, Tracing};

/// On which side of what a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Inside of a service.
    Internal,
    /// Something is asked for.
    Client,
    /// Somebody is answered.
    Server,
    /// Something is sent for others to take in.
    Producer,
}

impl From<Kind> for SpanKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Internal => Self::Internal,
            Kind::Client => Self::Client,
            Kind::Server => Self::Server,
            Kind::Producer => Self::Producer,
        }
    }
}

/// A span, or none: then nothing is done for it. It ends when it is dropped.
#[must_use]
pub struct Span(Option<Box<Recorded>>);

struct Recorded {
    tracing: &'static Tracing,
    service: usize,
    data: SpanData,
}

impl Tracing {
    /// A span of `service` in the trace of `parent`, or in a new one.
    pub(super) fn open(&'static self, service: &str, parent: Option<&SpanContext>, kind: Kind) -> Span {
        let Some(service) = self.place(service) else { return Span::none() };
        Span(Some(Box::new(Recorded { tracing: self, service, data: data(parent, kind) })))
    }
}

fn data(parent: Option<&SpanContext>, kind: Kind) -> SpanData {
    let (trace_id, state) = parent.map_or_else(
        || (TraceId::from_bytes(rand::random::<u128>().max(1).to_be_bytes()), TraceState::default()),
        |parent| (parent.trace_id(), parent.trace_state().clone()),
    );
    let span_id = SpanId::from_bytes(rand::random::<u64>().max(1).to_be_bytes());
    let now = SystemTime::now();
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state),
        parent_span_id: parent.map_or(SpanId::INVALID, SpanContext::span_id),
        parent_span_is_remote: parent.is_some_and(SpanContext::is_remote),
        span_kind: kind.into(),
        name: Cow::Borrowed("unnamed"),
        start_time: now,
        end_time: now,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("fanone").build(),
    }
}

impl Span {
    /// No span.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn inside(context: &Context, kind: Kind) -> Self {
        let Some(tracing) = TRACING.get() else { return Self::none() };
        let data = data(Some(context.span()), kind);
        Self(Some(Box::new(Recorded { tracing, service: context.service(), data })))
    }

    /// Whether there is a span; only then it is worth finding out what to say of it.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// What is to be told to whatever is done as a part of it.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|span| Context::new(span.service, span.data.span_context.clone()))
    }

    /// Names it. The name is one of few: no id, nothing from outside.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(span) = &mut self.0 {
            span.data.name = name.into();
        }
    }

    /// Adds an attribute. Values never hold what users have written, or a token.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.data.attributes.push(KeyValue::new(key, value));
        }
    }

    /// It did not end well.
    pub fn fail(&mut self, why: &'static str) {
        if let Some(span) = &mut self.0 {
            span.data.status = Status::error(why);
        }
    }

    /// It began some time ago.
    pub fn began_ago(&mut self, elapsed: Duration) {
        if let Some(span) = &mut self.0 {
            span.data.start_time = SystemTime::now().checked_sub(elapsed).unwrap_or(span.data.start_time);
        }
    }

    pub(super) fn link(&mut self, others: Vec<SpanContext>) {
        if let Some(span) = &mut self.0 {
            span.data.links.links.extend(others.into_iter().map(|other| Link::new(other, Vec::new(), 0)));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            let Recorded { tracing, service, mut data } = *span;
            data.end_time = SystemTime::now();
            tracing.send(service, data);
        }
    }
}
