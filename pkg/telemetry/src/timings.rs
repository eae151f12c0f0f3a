//! Durations by labels, cheap enough for every call: the recorder's lookup of a series by its labels allocates, so the
//! handle of each series is kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Histogram, Label};

use crate::metrics::is_installed;

/// Series of one metric at most; what comes later is counted under [`OTHER`], so that a caller that makes up label
/// values can't fill the memory.
const SERIES_MAX: usize = 2048;
/// The value of every label once there are too many series.
const OTHER: &str = "other";

/// A histogram of durations with `N` labels. Meant for a `static`:
///
/// ```
/// use std::time::Duration;
/// use fanone_telemetry::{Timings, names};
///
/// static SERVED: Timings<2> =
///     Timings::new(names::DB_CLIENT_OPERATION_DURATION, ["db_namespace", "db_operation_name"]);
/// # fn main() {
/// SERVED.record(["video", "SELECT"], Duration::from_millis(3));
/// # }
/// ```
#[derive(Debug)]
pub struct Timings<const N: usize> {
    name: &'static str,
    labels: [&'static str; N],
    series: RwLock<Option<HashMap<[Cow<'static, str>; N], Histogram>>>,
}

impl<const N: usize> Timings<N> {
    /// A histogram of this name, whose labels are given in the order of the values.
    #[must_use]
    pub const fn new(name: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, labels, series: RwLock::new(None) }
    }

    /// Adds one duration to the series of these label values.
    pub fn record(&self, values: [&str; N], elapsed: Duration) {
        if !is_installed() {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        if !self.record_known(values, seconds) {
            self.record_new(values, seconds);
        }
    }

    fn record_known(&self, values: [&str; N], seconds: f64) -> bool {
        let guard = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let Some(series) = guard.as_ref().and_then(|series| find(series, values)) else { return false };
        series.record(seconds);
        true
    }

    fn record_new(&self, values: [&str; N], seconds: f64) {
        let mut guard = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let series = guard.get_or_insert_default();
        let key = if series.len() < SERIES_MAX {
            values.map(|value| Cow::Owned(value.to_owned()))
        } else {
            [OTHER; N].map(Cow::Borrowed)
        };
        let handle = series.entry(key).or_insert_with_key(|key| {
            let values = key.iter().map(|value| value.clone().into_owned());
            let labels: Vec<Label> =
                self.labels.iter().zip(values).map(|(label, value)| Label::new(*label, value)).collect();
            metrics::histogram!(self.name, labels)
        });
        handle.record(seconds);
    }
}

/// Looks a series up by borrowed label values: a map of `'static` keys is also a map of shorter-lived ones.
fn find<'a, const N: usize>(
    series: &'a HashMap<[Cow<'a, str>; N], Histogram>,
    values: [&'a str; N],
) -> Option<&'a Histogram> {
    series.get(&values.map(Cow::Borrowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    #[test]
    fn durations_are_counted_by_their_labels() {
        static TIMINGS: Timings<2> = Timings::new("timings_test_seconds", ["a", "b"]);
        let metrics = metrics::install().unwrap();
        TIMINGS.record(["x", "y"], Duration::from_millis(2));
        TIMINGS.record(["x", "y"], Duration::from_millis(2));
        TIMINGS.record(["x", "z"], Duration::from_secs(99));
        let text = metrics.render();
        assert!(text.contains("timings_test_seconds_count{a=\"x\",b=\"y\"} 2"), "{text}");
        assert!(text.contains("timings_test_seconds_bucket{a=\"x\",b=\"y\",le=\"0.0025\"} 2"), "{text}");
        assert!(text.contains("timings_test_seconds_bucket{a=\"x\",b=\"z\",le=\"10\"} 0"), "{text}");
    }

    #[test]
    fn made_up_label_values_do_not_fill_the_memory() {
        static TIMINGS: Timings<1> = Timings::new("timings_bound_seconds", ["a"]);
        let metrics = metrics::install().unwrap();
        for number in 0..SERIES_MAX + 10 {
            TIMINGS.record([number.to_string().as_str()], Duration::ZERO);
        }
        assert!(metrics.render().contains("timings_bound_seconds_count{a=\"other\"} 10"));
    }
}
