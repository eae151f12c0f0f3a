//! The cache on real servers. `scripts/servers up redis sentinel cluster` starts them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panic"
)]

mod behaviour;
#[path = "../common/mod.rs"]
mod common;
mod messages;
mod outages;
mod proxy;
mod start;
