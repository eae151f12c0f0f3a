//! Where a service keeps its rows: shards by bucket, numbered migrations, transactions that are
//! safe to repeat, leases for scheduled jobs, and the outbox and inbox by which counters travel exactly once.
//!
//! A statement goes to the shard of a [`Bucket`](fanone_base::Bucket); what has no bucket to ask
//! for asks [`Store::shards`] side by side. A transaction lives in one shard. A shard is an SQLite file of this process,
//! or a server that speaks MySQL's protocol and that several processes share.

pub mod bulk;
mod error;
pub mod inbox;
pub mod jobs;
mod layout;
mod lease;
mod metric;
mod migration;
pub mod moving;
mod mysql;
pub mod outbox;
mod presence;
mod reader;
mod recent;
mod shard;
mod spans;
mod sqlite;
mod store;
mod tx;
mod versions;
mod work;

pub use error::{StoreError, inserted};
pub use migration::{Migration, Step};
pub use outbox::OutboxEvent;
pub use reader::Reader;
pub use recent::Recent;
pub use shard::Shard;
pub use store::{Options, Store};
pub use tx::Tx;
pub use versions::Versions;
