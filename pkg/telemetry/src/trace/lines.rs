//! Log lines of a traced request tell which trace and span they belong to.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{Context, current};

/// How lines look, with the trace at their end.
pub(crate) struct Traced<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(trace) = current() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_trace(&line, &trace))
    }
}

/// A line, which is JSON or text, that names its trace.
fn with_trace(line: &str, trace: &Context) -> String {
    let line = line.trim_end();
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    match line.strip_suffix('}').filter(|line| line.starts_with('{')) {
        Some(fields) => format!("{fields},\"trace_id\":\"{trace_id}\",\"span_id\":\"{span_id}\"}}\n"),
        None => format!("{line} trace_id={trace_id} span_id={span_id}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::context::parse;

    #[test]
    fn lines_of_both_forms_tell_their_trace() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let context = parse(&format!("00-{trace}-{span}-01"), "").unwrap();
        let context = Context::new(0, context);
        let text = with_trace("INFO hello {}\n", &context);
        assert_eq!(text, format!("INFO hello {{}} trace_id={trace} span_id={span}\n"));
        let json: serde_json::Value =
            serde_json::from_str(&with_trace("{\"level\":\"INFO\"}\n", &context)).unwrap();
        assert_eq!((&json["trace_id"], &json["level"]), (&trace.into(), &"INFO".into()));
    }
}
