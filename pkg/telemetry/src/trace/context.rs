//! The open span of a task, and how it is written for others: W3C Trace Context.

use std::{str::FromStr, sync::Arc};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The longest `tracestate` that is passed on.
const STATE_MAX: usize = 512;

/// A span that is open, and its service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(Arc<Open>);

#[derive(Debug)]
struct Open {
    service: usize,
    span: SpanContext,
}

tokio::task_local! {
    static CURRENT: Option<Context>;
}

/// The span that is open in this task.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok().flatten()
}

/// Runs `work` as a part of the span, or of none.
pub fn within<F: Future>(context: Option<Context>, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(context, work)
}

/// Does `work` as a part of the span, or of none: its log lines tell of it.
pub fn enter<T>(context: Option<Context>, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(context, work)
}

impl Context {
    pub(super) fn new(service: usize, span: SpanContext) -> Self {
        Self(Arc::new(Open { service, span }))
    }

    pub(super) fn service(&self) -> usize {
        self.0.service
    }

    pub(super) fn span(&self) -> &SpanContext {
        &self.0.span
    }

    /// The trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.span.trace_id().to_string()
    }

    /// The span, in hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        self.0.span.span_id().to_string()
    }

    /// What tells others which span they are a part of.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let span = &self.0.span;
        format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
    }

    /// What other systems want to be told along with it, if anything.
    #[must_use]
    pub fn tracestate(&self) -> Option<String> {
        Some(self.0.span.trace_state().header()).filter(|state| !state.is_empty())
    }
}

/// The span that a caller tells of.
pub(super) fn read(read: impl Fn(&str) -> Option<String>) -> Option<SpanContext> {
    let parent = read("traceparent")?;
    parse(&parent, &read("tracestate").unwrap_or_default())
}

/// The span that `parent` names; nothing if it isn't a proper `traceparent`. A wrong `state` is forgotten.
pub(super) fn parse(parent: &str, state: &str) -> Option<SpanContext> {
    let mut parts = parent.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (span, flags) = (parts.next()?, parts.next()?);
    // Later versions may say more.
    let ends = parts.next().is_none();
    if version == "ff" || (version == "00" && !ends) {
        return None;
    }
    let lengths = (version.len(), trace.len(), span.len(), flags.len());
    let digits = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lengths != (2, 32, 16, 2) || ![version, trace, span, flags].into_iter().all(digits) {
        return None;
    }
    let trace_id = TraceId::from_hex(trace).ok()?;
    let span_id = SpanId::from_hex(span).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & TraceFlags::SAMPLED.to_u8());
    let state = if state.len() <= STATE_MAX { TraceState::from_str(state).ok() } else { None };
    let context = SpanContext::new(trace_id, span_id, flags, true, state.unwrap_or_default());
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_traceparent_is_written_as_it_was_read() {
        for (text, sampled) in [("01", true), ("00", false)] {
            let text = format!("00-{TRACE}-{SPAN}-{text}");
            let read = parse(&text, "a=b").unwrap();
            assert_eq!((read.is_sampled(), read.is_remote()), (sampled, true));
            let context = Context::new(0, read);
            assert_eq!((context.traceparent(), context.tracestate()), (text, Some("a=b".to_owned())));
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert!(parse(&format!("01-{TRACE}-{SPAN}-01-more"), "").is_some());
    }

    #[test]
    fn garbage_is_no_traceparent() {
        let zeros = ("0".repeat(32), "0".repeat(16));
        for text in [
            String::new(),
            "garbage".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", zeros.0),
            format!("00-{TRACE}-{}-01", zeros.1),
            format!("00-+{}-{SPAN}-01", "1".repeat(31)),
            format!("00-{TRACE}-{SPAN}-é"),
        ] {
            assert!(parse(&text, "").is_none(), "{text}");
        }
    }

    #[test]
    fn a_wrong_tracestate_is_forgotten() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        for state in ["no pair", &format!("a={}", "x".repeat(600))] {
            assert_eq!(Context::new(0, parse(&parent, state).unwrap()).tracestate(), None, "{state}");
        }
    }
}
