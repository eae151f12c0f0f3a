//! The Thrift ports from outside: who is let in, for every method that `idl/` has, and that no bytes
//! end a process or fill its memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

mod hostile;
mod idl;
mod permissions;
mod tokens;
mod wire;

use fanone_tests::{Site, site::SERVICES};

/// Where `service` listens, by its name in tokens.
fn address(site: &Site, service: &str) -> String {
    let place = SERVICES.iter().position(|name| format!("fanone.{name}") == service);
    site.rpc_addresses().swap_remove(place.unwrap())
}
