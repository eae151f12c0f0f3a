//! How a trace goes along with a call, as Kitex does it: as transient metadata with the names of the W3C's headers.

use fanone_telemetry::trace::{self, Span};
use metainfo::{Forward, METAINFO, MetaInfo};
use volo::FastStr;

use crate::outcome::Outcome;

/// Tells the callee which span the call is a part of, if there is one.
pub(crate) fn send(meta: &mut MetaInfo) {
    let Some(context) = trace::current() else { return };
    meta.set_transient("traceparent", context.traceparent());
    if let Some(state) = context.tracestate() {
        meta.set_transient("tracestate", state);
    }
}

/// What the caller sent under `key`: some write the names in capitals, some for the whole way of a request.
pub(crate) fn sent(key: &str) -> Option<String> {
    let read = |meta: &MetaInfo, key: &str| -> Option<FastStr> {
        meta.get_upstream(key).or_else(|| meta.get_persistent(key))
    };
    let found = METAINFO.try_with(|meta| {
        let meta = meta.borrow();
        read(&meta, key).or_else(|| read(&meta, &key.to_ascii_uppercase()))
    });
    found.ok().flatten().map(|value| value.to_string())
}

/// Says which call the span is.
pub(crate) fn describe(span: &mut Span, service: &str, method: &str) {
    span.rename(format!("{service}/{method}"));
    span.set("rpc.system", "thrift");
    span.set("rpc.service", service.to_owned());
    span.set("rpc.method", method.to_owned());
}

/// Says what became of the call.
pub(crate) fn conclude(span: &mut Span, outcome: Outcome) {
    if span.is_recorded() {
        span.set("fanone.outcome", outcome.name());
        if outcome != Outcome::Answered {
            span.fail(outcome.name());
        }
    }
}
