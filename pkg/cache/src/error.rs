//! What can go wrong with a cache.

use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Why a cache did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The URL names no known kind of cache. It is not repeated: it may hold a password.
    #[error("no cache for this URL; accepted: memory:")]
    Url,
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
