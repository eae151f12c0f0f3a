//! Log lines: where they go, how they look, which are shown.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;

use fanone_config::{LogFormat, Telemetry};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use crate::trace::Traced;

/// Libraries that tell more at `info` than an operator wants, and what is told at any level. They stand before the
/// configured directives, so that `telemetry.log_level` can raise each of them by name.
const QUIET: &str = "volo=warn,volo_thrift=warn,volo_http=warn,motore=warn,hyper=warn,hyper_util=warn,\
    sqlx=warn,sea_orm=warn,sea_orm_migration=warn,h2=warn,tower=warn,reqwest=warn,nacos_sdk=off,\
    fanone::settings=info";

/// The target of lines about settings that have changed.
pub const SETTINGS: &str = "fanone::settings";
/// The client of Nacos. It tells too much: passwords at `error` where it logs in, tokens at `debug` elsewhere.
const NACOS: &str = "nacos_sdk";
const NACOS_LOGIN: &str = "nacos_sdk::api::plugin::auth";

/// The log can't be started, or not be changed.
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
    /// The log is not there any more.
    #[error("the level of the log can't be changed")]
    Reload(#[source] reload::Error),
}

/// The running log of the process.
pub struct Log {
    reload: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

impl Log {
    /// Shows other lines from now on: `level` is as in `telemetry.log_level`.
    ///
    /// # Errors
    ///
    /// The level is not understood.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        (self.reload)(filter(level)?).map_err(LogError::Reload)
    }
}

/// Starts the log of the process, on standard error. Colours are used on a terminal only.
///
/// # Errors
///
/// The level is not understood, or a log is running already.
pub fn init(settings: &Telemetry) -> Result<Log, LogError> {
    let filter = filter(&settings.log_level)?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => {
            let builder = builder.compact().map_event_format(|lines| Traced(lines.with_ansi(colours)));
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            start(builder.finish(), move |filter| handle.reload(filter))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_span_list(false).map_event_format(Traced);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            start(builder.finish(), move |filter| handle.reload(filter))
        }
    }
}

fn start(
    subscriber: impl tracing::Subscriber + Send + Sync,
    reload: impl Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync + 'static,
) -> Result<Log, LogError> {
    let subscriber = subscriber.with(filter_fn(keeps_secrets));
    subscriber.try_init().map_err(|error| LogError::Running(error.into()))?;
    Ok(Log { reload: Box::new(reload) })
}

/// Whether a line of this kind may be shown, whatever level is configured.
fn keeps_secrets(line: &Metadata<'_>) -> bool {
    let target = line.target();
    !target.starts_with(NACOS) || (*line.level() <= Level::WARN && !target.starts_with(NACOS_LOGIN))
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(format!("{QUIET},{level}")).map_err(LogError::Level)
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
    fn no_level_shows_where_secrets_are_told() {
        let filter = filter("trace,nacos_sdk=trace,nacos_sdk::api::plugin::auth=trace").unwrap();
        let lines = tracing_subscriber::registry().with(filter).with(filter_fn(keeps_secrets));
        tracing::subscriber::with_default(lines, || {
            assert!(!tracing::enabled!(target: "nacos_sdk::api::plugin::auth", Level::ERROR));
            assert!(!tracing::enabled!(target: "nacos_sdk::common", Level::DEBUG));
            assert!(tracing::enabled!(target: "nacos_sdk::common", Level::WARN));
            assert!(tracing::enabled!(target: "fanone", Level::TRACE));
        });
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
