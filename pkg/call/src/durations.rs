//! How long calls take, by method, calling service and outcome.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Instant,
};

use metrics::Histogram;
use volo_thrift::{ClientError, ServerError};

use crate::CallError;

/// What became of a call, as far as the layers can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The method answered; its answer may hold any code.
    Answered,
    /// A layer refused.
    Refused,
    /// Time was over.
    TimedOut,
    /// No instance was reached.
    Unavailable,
    /// The method failed.
    Failed,
}

impl Outcome {
    /// As metrics and logs say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "ok",
            Self::Refused => "refused",
            Self::TimedOut => "timeout",
            Self::Unavailable => "unavailable",
            Self::Failed => "fault",
        }
    }

    pub(crate) fn of_served<T>(result: &Result<T, ServerError>) -> Self {
        match result {
            Ok(_) => Self::Answered,
            Err(ServerError::Application(error)) => Self::of(&ClientError::Application(error.clone())),
            Err(ServerError::Biz(_)) => Self::Failed,
        }
    }

    pub(crate) fn of_called<T>(result: &Result<T, ClientError>) -> Self {
        match result {
            Ok(_) => Self::Answered,
            Err(error) => Self::of(error),
        }
    }

    fn of(error: &ClientError) -> Self {
        match CallError::from(error.clone()) {
            CallError::Refused(_) => Self::Refused,
            CallError::Timeout => Self::TimedOut,
            CallError::Unavailable(_) => Self::Unavailable,
            CallError::Answer { .. } | CallError::Fault(_) => Self::Failed,
        }
    }
}

/// The histograms of one side of one service. They are looked up once and then kept, because the
/// look-up builds a key of several texts; so the recorder must be installed before the first call.
pub(crate) struct Durations {
    metric: &'static str,
    service: Box<str>,
    /// By method.
    known: RwLock<HashMap<Box<str>, ByCaller>>,
}

type ByCaller = HashMap<Box<str>, Vec<(Outcome, Histogram)>>;

impl Durations {
    /// Of the calls that `service` serves.
    pub(crate) fn served(service: &str) -> Self {
        Self::new("rpc_server_call_duration_seconds", service)
    }

    /// Of the calls that are made to `service`.
    pub(crate) fn called(service: &str) -> Self {
        Self::new("rpc_client_call_duration_seconds", service)
    }

    fn new(metric: &'static str, service: &str) -> Self {
        Self { metric, service: service.into(), known: RwLock::default() }
    }

    /// Records a call of `method` by `caller` that began at `start` and ends now.
    pub(crate) fn record(&self, method: &str, caller: &str, outcome: Outcome, start: Instant) {
        let elapsed = start.elapsed();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let histograms = known.get(method).and_then(|callers| callers.get(caller));
            let histogram = histograms.and_then(|all| all.iter().find(|(of, _)| *of == outcome));
            if let Some((_, histogram)) = histogram {
                return histogram.record(elapsed);
            }
        }
        let histogram = metrics::histogram!(
            self.metric,
            "rpc_method" => format!("{}/{method}", self.service),
            "caller" => caller.to_owned(),
            "outcome" => outcome.name(),
        );
        histogram.record(elapsed);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let callers = known.entry(method.into()).or_default();
        callers.entry(caller.into()).or_default().push((outcome, histogram));
    }
}
