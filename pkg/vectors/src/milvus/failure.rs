//! What Milvus' errors mean.

use std::sync::Arc;

use milvus::v2::prelude::Error;

use crate::VectorError;

/// There is no such collection, database or alias, or the collection is not loaded.
const GONE: [i32; 4] = [100, 101, 103, 1600];
/// Some part of Milvus has yet to start, or is overloaded.
const NOT_NOW: [i32; 8] = [1, 2, 3, 8, 9, 200, 503, 901];
/// What one part of Milvus says of another, when its own number is lost on the way.
const UNEXPECTED: i32 = 65535;
/// The text of number 901: a data node has ended, and another has yet to take over.
const NODE_ENDED: &str = "node not found";

/// What an error of a call means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nobody answers, or not in time, or not yet.
    Away,
    /// What was asked for is not there.
    Gone,
    /// We may not, or it can't be done.
    Refused,
}

impl Meaning {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Timeout(_) | Error::Cancelled(_) => Self::Away,
            // gRPC's numbers: cancelled, unknown (a broken connection), deadline exceeded, unavailable.
            Error::Grpc(status) if [1, 2, 4, 14].contains(&i32::from(status.code())) => Self::Away,
            Error::Server(error) if GONE.contains(&error.code()) => Self::Gone,
            Error::Server(error) if NOT_NOW.contains(&error.code()) => Self::Away,
            Error::Server(error) if error.code() == UNEXPECTED && error.reason().contains(NODE_ENDED) => {
                Self::Away
            }
            Error::RetryExhausted { source, .. } => Self::of(source),
            _ => Self::Refused,
        }
    }
}

/// The error of a call on `collection` to the Milvus at `place`.
pub(super) fn of(error: Error, place: &Arc<str>) -> VectorError {
    let place = Arc::clone(place);
    match Meaning::of(&error) {
        Meaning::Away => VectorError::Away { place, cause: Some(Box::new(error)) },
        Meaning::Gone => VectorError::Gone(error.to_string()),
        Meaning::Refused => VectorError::Refused { place, cause: Box::new(error) },
    }
}
