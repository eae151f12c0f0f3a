//! Every metric of the program, in one table: name, kind, unit and help.
//!
//! Names follow the OpenTelemetry conventions in their Prometheus form where one exists, and begin with `fanone_`
//! otherwise. Labels never hold an id, a URL or a text from outside, and none is called `job`, `instance` or `role`:
//! these are for whoever collects them.

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
    RPC_BREAKER_STATE = "fanone_rpc_breaker_state", Gauge, Count,
        "Whether calls of a method go to an instance (0), now and then (1) or not (2), by rpc_method, caller and address.";
    RPC_BREAKER_REJECTIONS = "fanone_rpc_breaker_rejections_total", Counter, Count,
        "Calls not made because the breaker of every instance was open, by rpc_service and caller.";
    RPC_REPEATS = "fanone_rpc_repeats_total", Counter, Count,
        "Attempts after (retry) or beside (backup) the first of a call, by rpc_method, caller, kind and outcome (ok, failed, late).";
    RPC_DEGRADED = "fanone_rpc_degraded_total", Counter, Count,
        "Calls not made because a rule gives up a part of them, by rpc_service and caller.";
    DB_CLIENT_OPERATION_DURATION = "db_client_operation_duration_seconds", Histogram, Seconds,
        "Duration of database operations by db_namespace and db_operation_name.";
    DB_CLIENT_CONNECTION_COUNT = "db_client_connection_count", Gauge, Count,
        "Connections to the database servers, by db_namespace, shard and state (used, idle).";
    DB_CLIENT_CONNECTION_MAX = "db_client_connection_max", Gauge, Count,
        "The most connections that there may be, by db_namespace and shard.";
    DB_CLIENT_CONNECTION_PENDING = "db_client_connection_pending_requests", Gauge, Count,
        "Who waits for a connection to a database server, by db_namespace and shard.";
    DB_CLIENT_CONNECTION_TIMEOUTS = "db_client_connection_timeouts_total", Counter, Count,
        "Waits that ended without a connection to a database server, by db_namespace.";
    DB_TRANSACTION_REPEATS = "fanone_db_transaction_repeats_total", Counter, Count,
        "Transactions run again after a deadlock, a lock or a lost connection, by db_namespace.";
    CACHE_OPERATION_DURATION = "fanone_cache_operation_duration_seconds", Histogram, Seconds,
        "Duration of operations on the cache server, by operation and outcome.";
    CACHE_AWAY = "fanone_cache_away", Gauge, Count,
        "1 while the cache server is away and the process goes on alone.";
    VECTOR_SEARCH_DURATION = "fanone_vector_search_duration_seconds", Histogram, Seconds,
        "Duration of searches in the index of vectors, by outcome (ok, away, failed).";
    VECTORS_AWAY = "fanone_vectors_away", Gauge, Count,
        "1 while the vector database is away, so that there is no image search.";
    OUTBOX_PENDING_EVENTS = "fanone_outbox_pending_events", Gauge, Count,
        "Events in the outbox that are not delivered, by source, shard and destination.";
    OUTBOX_LAG = "fanone_outbox_lag_seconds", Gauge, Seconds,
        "Age of the oldest event in the outbox, by source, shard and destination.";
    JOB_DURATION = "fanone_job_duration_seconds", Histogram, Seconds,
        "Duration of the runs of a scheduled job, by job_name.";
    JOB_FAILURES = "fanone_job_failures_total", Counter, Count,
        "Failed runs of a scheduled job, by job_name.";
    JOB_INTERVAL = "fanone_job_interval_seconds", Gauge, Seconds,
        "The pause between two runs of a scheduled job, by job_name.";
    JOB_LAST_SUCCESS = "fanone_job_last_success_timestamp_seconds", Gauge, Seconds,
        "When a scheduled job last ran without a failure, or else when it was started, in Unix time, by job_name.";
    JOB_LEASES = "fanone_job_leases", Gauge, Count,
        "Whether this process has the lease of a scheduled job (1) or another one (0), by job_name, source and shard.";
    CHAT_CONNECTIONS = "fanone_chat_connections", Gauge, Count,
        "Open WebSocket connections of the chat.";
    CHAT_FRAMES = "fanone_chat_frames_total", Counter, Count,
        "Text frames of the chat, by direction (in, out).";
    MODEL_EMBED_DURATION = "fanone_model_embed_duration_seconds", Histogram, Seconds,
        "Duration of making the vector of a picture, of those that succeeded, by kind of model (builtin, onnx, remote).";
    MODEL_FAILURES = "fanone_model_failures_total", Counter, Count,
        "Vectors that the model did not make, by reason.";
    MODEL_DESCRIBED = "fanone_model_described_later_total", Counter, Count,
        "Pictures that had no vector of the model and have been looked at again, by outcome (vector, none).";
    UPLOAD_BYTES = "fanone_upload_bytes_total", Counter, Bytes,
        "Bytes of uploads that were received.";
    PART_READY = "fanone_part_ready", Gauge, Count,
        "Whether a part of the process works (1) or not (0), asked at each scrape, by part as in /readyz.";
    BUILD_INFO = "fanone_build_info", Gauge, Count,
        "Always 1, by version.";
    TRACE_SPANS_DROPPED = "fanone_trace_spans_dropped_total", Counter, Count,
        "Spans that were not exported, by reason: the queue was full, or the collector did not take them.";
    CONFIG_DOCUMENTS_REFUSED = "fanone_config_documents_refused_total", Counter, Count,
        "Documents with live settings or rules that were refused, by document.";
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
