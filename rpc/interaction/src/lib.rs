//! Likes and comments.
//!
//! A like lives in its user's shard, a comment in its video's. The counts of a video are kept by
//! the video service and the like count of a comment in the comment's row; both hear of a change
//! by the outbox ([`run_jobs`]), soon and exactly once.

mod comment;
mod counters;
mod delete;
mod error;
mod input;
mod like;
mod service;
mod store;
#[cfg(test)]
mod testing;

pub use counters::run_jobs;
pub use service::InteractionService;
pub use store::{MIGRATIONS, TABLES};
