//! Follows, chat and groups.
//!
//! A follow lives in the shard of the one who follows; the user service keeps the counts and hears
//! of a change by the outbox ([`run_jobs`]), soon and exactly once. A private conversation lives in
//! the shard of the smaller of the two user ids, a group and its messages in that of the group.

mod chat;
mod counters;
mod error;
mod follow;
mod group;
mod input;
mod service;
mod store;
#[cfg(test)]
mod testing;

pub use counters::run_jobs;
pub use service::SocialService;
pub use store::{MIGRATIONS, TABLES};
