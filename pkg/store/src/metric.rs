//! How long statements take and how many connections there are, by the OpenTelemetry names for databases.

use std::{sync::Arc, time::Duration};

use deadpool::Status;
use fanone_telemetry::names;
use metrics::{Gauge, Histogram};
use sea_orm::DatabaseConnection;

/// The kinds of statement that are told apart; handles are made once, not per statement. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Durations(Arc<Handles>);

struct Handles {
    select: Histogram,
    insert: Histogram,
    update: Histogram,
    delete: Histogram,
    other: Histogram,
}

impl Durations {
    /// Of the databases of `namespace`.
    pub(crate) fn of(namespace: &'static str) -> Self {
        let histogram = |operation: &'static str| {
            metrics::histogram!(
                names::DB_CLIENT_OPERATION_DURATION,
                "db_namespace" => namespace,
                "db_operation_name" => operation
            )
        };
        Self(Arc::new(Handles {
            select: histogram("SELECT"),
            insert: histogram("INSERT"),
            update: histogram("UPDATE"),
            delete: histogram("DELETE"),
            other: histogram("OTHER"),
        }))
    }

    /// Records a statement.
    pub(crate) fn record(&self, sql: &str, elapsed: Duration) {
        let histogram = match sql.as_bytes().first() {
            Some(b'S') => &self.0.select,
            Some(b'I') => &self.0.insert,
            Some(b'U') => &self.0.update,
            Some(b'D') => &self.0.delete,
            _ => &self.0.other,
        };
        histogram.record(elapsed.as_secs_f64());
    }

    /// Records every statement of `connection`.
    pub(crate) fn observe(&self, connection: &mut DatabaseConnection) {
        let durations = self.clone();
        connection.set_metric_callback(move |info| durations.record(&info.statement.sql, info.elapsed));
    }
}

/// The connections of one shard on a server.
pub(crate) struct Counts {
    used: Gauge,
    idle: Gauge,
    pending: Gauge,
    pub(crate) max: Gauge,
}

impl Counts {
    /// Of the shard at `place` of `namespace`.
    pub(crate) fn of(namespace: &'static str, place: usize) -> Self {
        let labels = [("db_namespace", namespace.to_owned()), ("shard", place.to_string())];
        let count = |state: &str| {
            let [namespace, shard] = labels.clone();
            let labels = [namespace, shard, ("state", state.to_owned())];
            metrics::gauge!(names::DB_CLIENT_CONNECTION_COUNT, &labels)
        };
        Self {
            used: count("used"),
            idle: count("idle"),
            pending: metrics::gauge!(names::DB_CLIENT_CONNECTION_PENDING, &labels),
            max: metrics::gauge!(names::DB_CLIENT_CONNECTION_MAX, &labels),
        }
    }

    /// Notes how the pools of its nodes are.
    pub(crate) fn set(&self, pools: impl Iterator<Item = Status>) {
        let (mut size, mut idle, mut pending) = (0, 0, 0);
        for pool in pools {
            size += pool.size;
            idle += pool.available;
            pending += pool.waiting;
        }
        self.used.set(size.saturating_sub(idle) as f64);
        self.idle.set(idle as f64);
        self.pending.set(pending as f64);
    }
}
