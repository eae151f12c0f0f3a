//! What is measured of an index.

use fanone_telemetry::{Timings, names};

use crate::VectorError;

/// Searches by their outcome.
pub(crate) static SEARCHES: Timings<1> = Timings::new(names::VECTOR_SEARCH_DURATION, ["outcome"]);

/// The outcome of a search.
pub(crate) const fn outcome<T>(result: &Result<T, VectorError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(VectorError::Away { .. }) => "away",
        Err(_) => "failed",
    }
}
