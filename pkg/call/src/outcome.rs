//! What became of calls, and how long they took, by method, calling service and outcome.

use std::time::Duration;

use fanone_telemetry::{Timings, names};
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

    /// Whether a breaker counts it as a failure. An answer is none, whatever its code, and neither is a refusal: both show that
    /// the instance is well.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unavailable | Self::Failed)
    }

    /// Whether another attempt may bring more.
    pub(crate) fn brought_nothing(self) -> bool {
        matches!(self, Self::TimedOut | Self::Unavailable)
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

const LABELS: [&str; 3] = ["rpc_method", "caller", "outcome"];
static SERVED: Timings<3> = Timings::new(names::RPC_SERVER_CALL_DURATION, LABELS);
static CALLED: Timings<3> = Timings::new(names::RPC_CLIENT_CALL_DURATION, LABELS);

/// Records a call that `service` served.
pub(crate) fn record_served(service: &str, method: &str, caller: &str, outcome: Outcome, elapsed: Duration) {
    SERVED.record([&format!("{service}/{method}"), caller, outcome.name()], elapsed);
}

/// Records a call that was made to `service`.
pub(crate) fn record_called(service: &str, method: &str, caller: &str, outcome: Outcome, elapsed: Duration) {
    CALLED.record([&format!("{service}/{method}"), caller, outcome.name()], elapsed);
}
