//! How long statements take, by the OpenTelemetry names for databases.

use std::{sync::Arc, time::Duration};

use fanone_telemetry::names;
use metrics::Histogram;
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
