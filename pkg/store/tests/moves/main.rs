//! Moves of buckets between files.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

mod files;
mod what;
