//! Every metric of the program, in one table: name, kind, unit and help.
//!
//! Names follow the OpenTelemetry conventions in their Prometheus form where one exists, and begin with `fanone_`
//! otherwise. Labels never hold an id, a URL or a text from outside.

use metrics::Unit;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Durations, sorted into buckets.
    Histogram,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Metric {
    /// The name in the exposition.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Of its values.
    pub unit: Unit,
    /// What it tells, with its labels.
    pub help: &'static str,
}

/// Writes each name once: as a constant with its help for a document, and as a row of `ALL`.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[
            $(Metric { name: $constant, kind: Kind::$kind, unit: Unit::$unit, help: $help },)*
        ];
    };
}

metrics! {
    HTTP_SERVER_REQUEST_DURATION = "http_server_request_duration_seconds", Histogram, Seconds,
        "Duration of HTTP requests by http_request_method, http_route and http_response_status_code.";
    HTTP_SERVER_ACTIVE_REQUESTS = "http_server_active_requests", Gauge, Count,
        "HTTP requests in work.";
    HTTP_SERVER_OPEN_CONNECTIONS = "http_server_open_connections", Gauge, Count,
        "Open connections of the HTTP front.";
    RPC_SERVER_CALL_DURATION = "rpc_server_call_duration_seconds", Histogram, Seconds,
        "Duration of calls served, by rpc_method, caller and outcome.";
    RPC_CLIENT_CALL_DURATION = "rpc_client_call_duration_seconds", Histogram, Seconds,
        "Duration of calls made, by rpc_method, caller and outcome.";
    RPC_REFUSED = "fanone_rpc_refused_total", Counter, Count,
        "Calls refused before the service saw them, by reason.";
    DB_CLIENT_OPERATION_DURATION = "db_client_operation_duration_seconds", Histogram, Seconds,
        "Duration of database operations by db_namespace and db_operation_name.";
    CACHE_OPERATION_DURATION = "fanone_cache_operation_duration_seconds", Histogram, Seconds,
        "Duration of operations on the cache server, by operation and outcome.";
    CACHE_AWAY = "fanone_cache_away", Gauge, Count,
        "1 while the cache server is away and the process goes on alone.";
    OUTBOX_PENDING_EVENTS = "fanone_outbox_pending_events", Gauge, Count,
        "Events in the outbox that are not delivered, by source, shard and destination.";
    OUTBOX_LAG = "fanone_outbox_lag_seconds", Gauge, Seconds,
        "Age of the oldest event in the outbox, by source, shard and destination.";
    JOB_DURATION = "fanone_job_duration_seconds", Histogram, Seconds,
        "Duration of the runs of a scheduled job, by job.";
    JOB_FAILURES = "fanone_job_failures_total", Counter, Count,
        "Failed runs of a scheduled job, by job.";
    JOB_LEASES = "fanone_job_leases", Gauge, Count,
        "Whether this process has the lease of a scheduled job (1) or another one (0), by job, source and shard.";
    CHAT_CONNECTIONS = "fanone_chat_connections", Gauge, Count,
        "Open WebSocket connections of the chat.";
    UPLOAD_BYTES = "fanone_upload_bytes_total", Counter, Bytes,
        "Bytes of uploads that were received.";
    CONFIG_DOCUMENTS_REFUSED = "fanone_config_documents_refused_total", Counter, Count,
        "Documents with live settings that were refused, by document.";
    CONFIG_AWAY = "fanone_config_away", Gauge, Count,
        "1 while the documents with live settings can't be read and those in force stay.";
    PROCESS_RESIDENT_MEMORY = "process_resident_memory_bytes", Gauge, Bytes,
        "Memory of the process that is in RAM.";
    PROCESS_RESIDENT_MEMORY_PEAK = "process_resident_memory_peak_bytes", Gauge, Bytes,
        "The most memory of the process that was in RAM since its start.";
    PROCESS_CPU = "process_cpu_seconds_total", Counter, Seconds,
        "Processor time of the process, user and system.";
    PROCESS_OPEN_FDS = "process_open_fds", Gauge, Count,
        "Open file descriptors of the process.";
}
