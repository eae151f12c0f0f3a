//! The sizes that every cache keeps to, whatever the server behind it would take.

use bytes::Bytes;

use crate::error::CacheError;

/// Longest key or channel name, bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Largest value or message, bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Members of one sorted set.
pub const SET_MEMBERS_MAX: usize = 100_000;
/// Members that one question gives.
pub const TOP_MAX: usize = 1000;

pub(crate) fn check_key(key: &str) -> Result<(), CacheError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(CacheError::Key { bytes: key.len() });
    }
    Ok(())
}

pub(crate) fn check_value(value: &Bytes) -> Result<(), CacheError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(CacheError::Value { bytes: value.len() });
    }
    Ok(())
}
