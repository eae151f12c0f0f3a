//! The recorder behind the `metrics` macros, and its text for Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;

use crate::names::{self, Kind};
use crate::process;

/// Upper bounds of the buckets of durations, in seconds: those that OpenTelemetry advises, and three finer ones below
/// for calls inside one machine.
const BUCKETS_SECONDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Between two runs of the recorder's upkeep, without which recorded durations pile up until somebody asks for them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// The recorder can't be installed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the recorder of metrics can't be installed: {0}")]
pub struct MetricsError(String);

/// The metrics of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

/// Installs the recorder of the process; a second call gives the same one. What is recorded before is lost, so this
/// is among the first things that the program does.
///
/// # Errors
///
/// Another recorder was installed before.
pub fn install() -> Result<Metrics, MetricsError> {
    match INSTALLED.get_or_init(|| build().map_err(|error| error.to_string())) {
        Ok(handle) => Ok(Metrics(handle.clone())),
        Err(reason) => Err(MetricsError(reason.clone())),
    }
}

fn build() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_SECONDS)?
        .install_recorder()?;
    for metric in names::ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
    metrics::gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Whether a recorder is there. Handles taken before would record nothing for ever.
pub(crate) fn is_installed() -> bool {
    INSTALLED.get().is_some()
}

impl Metrics {
    /// All metrics in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        text.push_str(&process::render());
        text
    }

    /// Keeps the recorder small, for ever. The admin port runs it.
    pub(crate) async fn upkeep(&self) {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_help_and_the_process_its_memory() {
        let metrics = install().unwrap();
        metrics::counter!(names::RPC_REFUSED, "reason" => "test").increment(1);
        let text = metrics.render();
        assert!(text.contains("# HELP fanone_rpc_refused_total Calls refused"), "{text}");
        assert!(text.contains("fanone_rpc_refused_total{reason=\"test\"} 1"), "{text}");
        assert!(text.contains("# TYPE process_resident_memory_bytes gauge\n"), "{text}");
        assert!(text.contains("fanone_build_info{version=\""), "{text}");
    }

    #[test]
    fn names_are_written_once_and_counters_end_in_total() {
        for (index, metric) in names::ALL.iter().enumerate() {
            assert!(
                names::ALL.iter().skip(index + 1).all(|other| other.name != metric.name),
                "{}",
                metric.name
            );
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        }
    }
}
