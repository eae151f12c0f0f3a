//! How long statements take, by the OpenTelemetry names for databases.

use fanone_telemetry::names;
use metrics::Histogram;
use sea_orm::DatabaseConnection;

/// The kinds of statement that are told apart; handles are made once, not per statement.
struct Durations {
    select: Histogram,
    insert: Histogram,
    update: Histogram,
    delete: Histogram,
    other: Histogram,
}

/// Observes every statement of `connection`, which is a database of `namespace`.
pub(crate) fn observe(connection: &mut DatabaseConnection, namespace: &'static str) {
    let histogram = |operation: &'static str| {
        metrics::histogram!(
            names::DB_CLIENT_OPERATION_DURATION,
            "db_namespace" => namespace,
            "db_operation_name" => operation
        )
    };
    let durations = Durations {
        select: histogram("SELECT"),
        insert: histogram("INSERT"),
        update: histogram("UPDATE"),
        delete: histogram("DELETE"),
        other: histogram("OTHER"),
    };
    connection.set_metric_callback(move |info| {
        let sql = &info.statement.sql;
        let durations = match sql.as_bytes().first() {
            Some(b'S') => &durations.select,
            Some(b'I') => &durations.insert,
            Some(b'U') => &durations.update,
            Some(b'D') => &durations.delete,
            _ => &durations.other,
        };
        durations.record(info.elapsed.as_secs_f64());
    });
}
