//! Where a service keeps its rows: shards by bucket, numbered migrations, transactions that are
//! safe to repeat, and the outbox and inbox by which counters travel exactly once.
//!
//! A statement goes to the shard of a [`Bucket`](fanone_base::Bucket); what has no bucket to ask
//! for asks [`Store::shards`] side by side. A transaction lives in one shard.

mod error;
pub mod inbox;
mod metric;
mod migration;
pub mod outbox;
mod recent;
mod shard;
mod sqlite;
mod writer;

pub use error::StoreError;
pub use migration::Migration;
pub use outbox::OutboxEvent;
pub use recent::Recent;
pub use shard::{Shard, Store};
