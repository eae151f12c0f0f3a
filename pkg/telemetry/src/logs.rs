//! Log lines: where they go, how they look, which are shown.

use std::error::Error;
use std::io::IsTerminal;

use fanone_config::{LogFormat, Telemetry};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::trace::Traced;

/// Libraries that tell more at `info` than an operator wants. They stand before the configured directives, so that
/// `telemetry.log_level` can raise each of them by name.
const QUIET: &str = "volo=warn,volo_thrift=warn,volo_http=warn,motore=warn,hyper=warn,hyper_util=warn,\
    sqlx=warn,sea_orm=warn,sea_orm_migration=warn,h2=warn,tower=warn,reqwest=warn,nacos_sdk=off";
/// What no level shows: the client of Nacos tells passwords there.
const NEVER: &str = "nacos_sdk::api::plugin::auth=off";

/// The log can't be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `telemetry.log_level` is not understood.
    #[error(
        "telemetry.log_level is not understood; expected directives as in RUST_LOG, for example info,fanone_video=debug"
    )]
    Level(#[source] tracing_subscriber::filter::ParseError),
    /// Another log was started in this process before.
    #[error("a log is running already")]
    Running(#[source] Box<dyn Error + Send + Sync>),
}

/// Starts the log of the process, on standard error. Colours are used on a terminal only.
///
/// # Errors
///
/// The level is not understood, or a log is running already.
pub fn init(settings: &Telemetry) -> Result<(), LogError> {
    let filter = filter(&settings.log_level)?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => {
            builder.compact().map_event_format(|lines| Traced(lines.with_ansi(colours))).try_init()
        }
        LogFormat::Json => {
            builder.json().flatten_event(true).with_span_list(false).map_event_format(Traced).try_init()
        }
    }
    .map_err(LogError::Running)
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(format!("{QUIET},{level},{NEVER}")).map_err(LogError::Level)
}

/// An error with all its causes in one line, for a log: `reading the table: connection refused`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_directive_goes_over_the_quiet_ones() {
        assert!(filter("info,volo=debug").unwrap().to_string().contains("volo=debug"));
        assert!(filter("debug").unwrap().to_string().contains("volo=warn"));
    }

    #[test]
    fn no_level_shows_where_passwords_are_told() {
        let shown = filter("trace,nacos_sdk=trace,nacos_sdk::api::plugin::auth=trace").unwrap().to_string();
        assert!(shown.contains("nacos_sdk::api::plugin::auth=off"), "{shown}");
        assert!(!shown.contains("auth=trace"), "{shown}");
    }

    #[test]
    fn an_unknown_level_is_refused() {
        assert!(filter("fanone=loud").is_err());
    }

    #[test]
    fn a_chain_names_every_cause() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
    }
}
