//! What an error of Redis means for the caller, and for the operations after it.

use deadpool_redis::redis::{ErrorKind, RedisError, ServerErrorKind};

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This connection is of no use any more: broken, or to a server that is no primary now. Another one may be.
    Broken,
    /// The server can't serve anybody at present.
    Away,
    /// The server does not take this operation, and would not take it again.
    Refused,
}

pub(super) fn meaning(error: &RedisError) -> Meaning {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => Meaning::Away,
        ErrorKind::Io
        | ErrorKind::Parse
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            Meaning::Broken
        }
        ErrorKind::Client
        | ErrorKind::AuthenticationFailed
        | ErrorKind::EmptySentinelList
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::TryAgain,
        ) => Meaning::Away,
        // Full, can't save, too few replicas, logged out: codes that the client library does not know.
        ErrorKind::Extension if is_unfit(error) => Meaning::Away,
        _ => Meaning::Refused,
    }
}

/// Whether the server does not let us in.
pub(super) fn is_login(error: &RedisError) -> bool {
    // A cluster's client tells it in the text of another error only.
    let is_told = error.detail().is_some_and(|text| text.contains("AuthenticationFailed"));
    is_told || error.kind() == ErrorKind::AuthenticationFailed || has_code(error, &["NOAUTH", "WRONGPASS"])
}

fn is_unfit(error: &RedisError) -> bool {
    has_code(error, &["OOM", "MISCONF", "NOREPLICAS", "NOAUTH", "WRONGPASS", "UNKILLABLE", "BUSY"])
}

/// Whether the first error of a command or a pipeline has one of these codes.
fn has_code(error: &RedisError, codes: &[&str]) -> bool {
    let Some(errors) = error.clone().into_server_errors() else { return false };
    errors.first().is_some_and(|(_, error)| codes.contains(&error.code()))
}

/// Whether a counter would have grown beyond what it can hold.
pub(super) fn is_overflow(error: &RedisError) -> bool {
    let Some(errors) = error.clone().into_server_errors() else { return false };
    errors.iter().any(|(_, error)| error.details().is_some_and(|text| text.contains("overflow")))
}
