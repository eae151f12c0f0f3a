//! What may be lost: values with an expiry, counters of a window, rankings, messages to whoever listens.
//!
//! [`open`] chooses the server by a URL; `memory:` keeps everything in this process. Nothing here is the only copy of
//! anything: a caller must bear an empty cache at any time.

mod channels;
mod error;
mod jitter;
mod limits;
mod memory;
mod options;
mod redis;
mod single_flight;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::CacheError;
pub use jitter::jittered;
pub use limits::{KEY_BYTES_MAX, SET_MEMBERS_MAX, TOP_MAX, VALUE_BYTES_MAX};
pub use options::Options;
pub use single_flight::SingleFlight;
pub use subscription::{Event, Subscription};

/// A member of a sorted set with its score.
pub type Ranked = (i64, f64);

/// A cache server. A key belongs to one kind: value, counter or sorted set.
///
/// While the server is away, values, counters and messages are those of this process alone, so that limits stay in force;
/// sorted sets and the `shared_` operations fail at once with [`CacheError::Away`]. When the server is back, keys that this
/// process has set or removed meanwhile are removed there, and small values that it has added are added there; whatever
/// else it kept is forgotten.
///
/// Every method fails with [`CacheError::Key`] for a key that is empty or longer than [`KEY_BYTES_MAX`].
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value of a key.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError>;

    /// Sets a value that is forgotten after `ttl`; fails for one larger than [`VALUE_BYTES_MAX`].
    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError>;

    /// Sets a value only where there is none, and tells whether it did: of callers at the same time exactly one does.
    async fn add(&self, key: &str, value: Bytes, ttl: Duration) -> Result<bool, CacheError>;

    /// Forgets keys of any kind; unknown ones are passed over.
    async fn remove(&self, keys: &[&str]) -> Result<(), CacheError>;

    /// Adds to a counter and gives the sum. The counter begins at 0 and lives for the `ttl` of the call that made it:
    /// a fixed window.
    async fn incr(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, CacheError>;

    /// Puts members (ids, so not negative) into a sorted set, or changes their scores. The whole set is forgotten `ttl` after the last call.
    /// Beyond [`SET_MEMBERS_MAX`] members the lowest are dropped.
    async fn zset_add(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError>;

    /// As [`Self::zset_add`], but a member whose score is higher already keeps it.
    async fn zset_raise(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError>;

    /// Members by falling score, and by falling member where scores are equal; [`TOP_MAX`] at most.
    async fn zset_top(&self, key: &str, offset: usize, limit: usize) -> Result<Vec<Ranked>, CacheError>;

    /// Takes members out of a sorted set; unknown ones are passed over.
    async fn zset_remove(&self, key: &str, members: &[i64]) -> Result<(), CacheError>;

    /// The values of keys, in their order, as every process sees them: fails with [`CacheError::Away`] rather than answer
    /// from what this process alone knows. One trip.
    async fn shared_get(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, CacheError>;

    /// Sets values for every process, or fails with [`CacheError::Away`]; then they may be set or not. One trip.
    async fn shared_set(&self, items: &[(&str, Bytes)], ttl: Duration) -> Result<(), CacheError>;

    /// Grows each time the server comes back after it was away: whatever was learnt from it before may be out of date.
    fn epoch(&self) -> u64;

    /// Gives a message to every subscriber that the channel has now; fails for one larger than [`VALUE_BYTES_MAX`].
    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), CacheError>;

    /// Listens to a channel. What is published after this has returned is received.
    async fn subscribe(&self, channel: &str) -> Result<Subscription, CacheError>;

    /// Whether the server can be reached, lets us in and takes what is written, for the start and the readiness of the
    /// program. The error says what to do, and holds no password.
    async fn ping(&self) -> Result<(), CacheError>;
}

/// Opens the cache that a URL names; `memory:` makes a new empty one in this process. A server need not be there yet: see
/// [`Cache::ping`].
///
/// # Errors
///
/// The URL is of a kind that is not known.
pub fn open(url: &str, options: &Options) -> Result<Arc<dyn Cache>, CacheError> {
    if url == "memory:" {
        return Ok(Arc::new(memory::MemoryCache::new()));
    }
    match redis::Target::parse(url) {
        Some(target) => Ok(Arc::new(redis::RedisCache::new(target?, options)?)),
        None => Err(CacheError::Url("unknown scheme")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_url_is_refused_without_repeating_it() {
        let error = open("memcached://me:hunter2@h", &Options::default()).err().unwrap().to_string();
        assert!(
            error.starts_with("not the URL of a cache: unknown scheme; accepted: memory:, redis://"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}
