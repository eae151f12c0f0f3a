//! How spans leave the process: in batches, over OTLP, beside everything else. A collector that does not answer costs
//! spans, and nothing more.

use std::time::Duration;

use fanone_config::Telemetry;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Ended, QUEUE_MAX, TRACING, Tracing, count_dropped, set_rate};

/// Between two exports.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long the collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long the stop waits for the last batch.
const FINISH_MAX: Duration = Duration::from_secs(1);
/// Spans in a batch.
const BATCH_MAX: usize = 512;

/// Traces can't be made.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// `telemetry.otlp` is of no use.
    #[error("telemetry.otlp can't be used")]
    Url(#[source] ExporterBuildError),
    /// They are made already.
    #[error("traces are made in this process already")]
    Running,
}

/// The export that goes on.
#[must_use]
pub struct Exporting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Exports what is left, within a second.
    pub async fn finish(self) {
        self.stop.cancel();
        if tokio::time::timeout(FINISH_MAX, self.task).await.is_err() {
            tracing::debug!("the last spans were not exported");
        }
    }
}

/// Makes traces from now on, if `settings` say where they go. `services` are those of this process.
///
/// # Errors
///
/// The collector's URL can't be used, or traces are made already.
pub fn start(settings: &Telemetry, services: &[&'static str]) -> Result<Option<Exporting>, TraceError> {
    for reason in ["queue", "export"] {
        count_dropped(reason, 0);
    }
    if settings.otlp.is_empty() {
        return Ok(None);
    }
    let exporters = services.iter().map(|service| exporter(&settings.otlp, service));
    let exporters = exporters.collect::<Result<Vec<_>, _>>().map_err(TraceError::Url)?;
    let (ended, queue) = mpsc::channel(QUEUE_MAX);
    let tracing = Tracing { services: services.to_vec(), ended };
    TRACING.set(tracing).map_err(|_tracing| TraceError::Running)?;
    set_rate(settings.sample_per_mille);
    let stop = CancellationToken::new();
    let task = tokio::spawn(export(exporters, queue, stop.clone()));
    Ok(Some(Exporting { stop, task }))
}

/// Each service is a resource of its own, also where one process plays several.
fn exporter(url: &str, service: &'static str) -> Result<SpanExporter, ExporterBuildError> {
    let mut exporter =
        SpanExporter::builder().with_tonic().with_endpoint(url).with_timeout(TIMEOUT).build()?;
    let instance = format!("{:032x}", rand::random::<u128>());
    let resource = Resource::builder_empty()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.instance.id", instance))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("process.pid", i64::from(std::process::id())))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

async fn export(exporters: Vec<SpanExporter>, mut queue: mpsc::Receiver<Ended>, stop: CancellationToken) {
    let mut works = true;
    loop {
        let last = stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none();
        loop {
            let batches = take(&mut queue, exporters.len());
            if batches.is_empty() {
                break;
            }
            for (exporter, batch) in exporters.iter().zip(batches).filter(|(_, batch)| !batch.is_empty()) {
                send(exporter, batch, &mut works).await;
            }
        }
        if last {
            return;
        }
    }
}

/// What waits, by service; nothing if nothing does.
fn take(queue: &mut mpsc::Receiver<Ended>, services: usize) -> Vec<Vec<SpanData>> {
    let mut batches = Vec::new();
    for _ in 0..BATCH_MAX {
        let Ok((service, span)) = queue.try_recv() else { break };
        if batches.is_empty() {
            batches.resize_with(services, Vec::new);
        }
        if let Some(batch) = batches.get_mut(service) {
            batch.push(span);
        }
    }
    batches
}

/// Whether the collector `works` is told when it changes, not for every batch.
async fn send(exporter: &SpanExporter, batch: Vec<SpanData>, works: &mut bool) {
    let spans = batch.len();
    let sent = tokio::time::timeout(TIMEOUT, exporter.export(batch)).await;
    let taken = matches!(sent, Ok(Ok(())));
    if !taken {
        count_dropped("export", spans);
    }
    match (*works, taken) {
        (true, false) => tracing::warn!("the collector takes no traces; they are dropped"),
        (false, true) => tracing::info!("the collector takes traces again"),
        _ => {}
    }
    *works = taken;
}
