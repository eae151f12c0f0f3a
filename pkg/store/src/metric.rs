//! How long statements take, in metrics and in traces, and how many connections there are, by the OpenTelemetry names for databases.

use std::{sync::Arc, time::Duration};

use deadpool::Status;
use fanone_telemetry::{
    names,
    trace::{self, Kind},
};
use metrics::{Gauge, Histogram};
use sea_orm::DatabaseConnection;

/// The kinds of statement that are told apart; handles are made once, not per statement. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Durations(Arc<Handles>);

struct Handles {
    namespace: &'static str,
    system: &'static str,
    select: Histogram,
    insert: Histogram,
    update: Histogram,
    delete: Histogram,
    other: Histogram,
}

impl Durations {
    /// Of the databases of `namespace`, of a `system` as OpenTelemetry calls it.
    pub(crate) fn of(namespace: &'static str, system: &'static str) -> Self {
        let histogram = |operation: &'static str| {
            metrics::histogram!(
                names::DB_CLIENT_OPERATION_DURATION,
                "db_namespace" => namespace,
                "db_operation_name" => operation
            )
        };
        Self(Arc::new(Handles {
            namespace,
            system,
            select: histogram("SELECT"),
            insert: histogram("INSERT"),
            update: histogram("UPDATE"),
            delete: histogram("DELETE"),
            other: histogram("OTHER"),
        }))
    }

    /// Records a statement.
    pub(crate) fn record(&self, sql: &str, elapsed: Duration, failed: bool) {
        let histogram = match sql.as_bytes().first() {
            Some(b'S') => &self.0.select,
            Some(b'I') => &self.0.insert,
            Some(b'U') => &self.0.update,
            Some(b'D') => &self.0.delete,
            _ => &self.0.other,
        };
        histogram.record(elapsed.as_secs_f64());
        self.trace(sql, elapsed, failed);
    }

    /// Adds the statement to the trace that is under way. Its text stays out of it.
    fn trace(&self, sql: &str, elapsed: Duration, failed: bool) {
        let mut span = trace::child(Kind::Client);
        if !span.is_recorded() {
            return;
        }
        let (operation, table) = summary(sql);
        let summary = if table.is_empty() { operation.clone() } else { format!("{operation} {table}") };
        span.began_ago(elapsed);
        span.rename(summary.clone());
        span.set("db.system.name", self.0.system);
        span.set("db.namespace", self.0.namespace);
        span.set("db.operation.name", operation);
        if !table.is_empty() {
            span.set("db.collection.name", table);
        }
        span.set("db.query.summary", summary);
        if failed {
            span.fail("the statement failed");
        }
    }

    /// Records every statement of `connection`.
    pub(crate) fn observe(&self, connection: &mut DatabaseConnection) {
        let durations = self.clone();
        connection.set_metric_callback(move |info| {
            durations.record(&info.statement.sql, info.elapsed, info.failed);
        });
    }
}

/// What a statement does, and to which table first. Nothing but plain names gets through.
fn summary(sql: &str) -> (String, String) {
    let mut words = sql.split_ascii_whitespace();
    let operation = words.next().map(plain).unwrap_or_default();
    let mut before = operation.clone();
    for word in words {
        let names_table = ["FROM", "INTO", "UPDATE"].iter().any(|place| before.eq_ignore_ascii_case(place));
        // A bracket opens a statement inside of this one.
        if names_table && !word.starts_with('(') {
            return (operation, plain(word));
        }
        before = word.trim_start_matches('(').to_owned();
    }
    (operation, String::new())
}

fn plain(word: &str) -> String {
    let word = word.trim_matches(|sign| matches!(sign, '`' | '"' | '(' | ')' | ',' | ';'));
    let is_plain = word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if is_plain { word.to_owned() } else { String::new() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_summed_up_by_its_table() {
        for (sql, operation, table) in [
            ("SELECT a, b FROM `video` WHERE id = 7", "SELECT", "video"),
            ("INSERT INTO \"outbox\" (kind) VALUES (?)", "INSERT", "outbox"),
            ("UPDATE video SET likes = ?", "UPDATE", "video"),
            ("DELETE FROM inbox", "DELETE", "inbox"),
            ("SELECT COUNT(*) FROM (SELECT 1 FROM outbox) AS waiting", "SELECT", "outbox"),
            ("SELECT 1", "SELECT", ""),
            ("SELECT * FROM '4111-1111'", "SELECT", ""),
        ] {
            assert_eq!(summary(sql), (operation.to_owned(), table.to_owned()), "{sql}");
        }
    }
}
