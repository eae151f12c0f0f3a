//! What can go wrong with a cache.

use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// The URLs that name a cache.
const FORMS: &str = "memory:, redis://[USER:PASSWORD@]HOST:PORT[/DB], \
    redis+sentinel://[:PASSWORD@]HOST:PORT,…/MASTER[/DB], redis+cluster://[:PASSWORD@]HOST:PORT,…";

/// Why a cache did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The URL names no known kind of cache, or is not written as that kind is. It is not repeated: it may hold a
    /// password.
    #[error("not the URL of a cache: {0}; accepted: {FORMS}")]
    Url(&'static str),
    /// The cache server can't be reached at present, and what was asked for is known there only.
    #[error("the cache server is away")]
    Away,
    /// The key is empty or too long.
    #[error("a key has {bytes} bytes; expected 1 to {KEY_BYTES_MAX}")]
    Key {
        /// Its length.
        bytes: usize,
    },
    /// The value or message is too large.
    #[error("a value has {bytes} bytes; expected at most {VALUE_BYTES_MAX}")]
    Value {
        /// Its length.
        bytes: usize,
    },
}
