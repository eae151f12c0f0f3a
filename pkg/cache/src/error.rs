//! What can go wrong with a cache.

use deadpool_redis::redis::RedisError;

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
    /// The cache server does not take the operation.
    #[error("the cache server refuses the operation")]
    Refused(#[source] RedisError),
    /// The cache server can't be reached.
    #[error("no cache server answers at {servers}; is it running, and is the address in the URL right?")]
    Unreachable {
        /// Where it should be.
        servers: String,
        /// Why not.
        source: RedisError,
    },
    /// The cache server does not let us in.
    #[error(
        "the cache server at {servers} refuses the login; are the user and the password in the URL right?"
    )]
    Login {
        /// Where it is.
        servers: String,
    },
    /// The cache server can't do what we need.
    #[error(
        "the cache server at {servers} can't be used; Redis 7 or newer is expected, with the right to write"
    )]
    Unfit {
        /// Where it is.
        servers: String,
        /// What it can't do.
        source: RedisError,
    },
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
