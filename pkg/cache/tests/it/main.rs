//! The cache on real servers. `scripts/servers up redis sentinel cluster` starts them.

mod behaviour;
#[path = "../common/mod.rs"]
mod common;
mod messages;
mod outages;
mod proxy;
mod start;
