//! Moves of buckets between files.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod files;
mod what;
