//! The store against the MariaDB that `scripts/servers up mariadb` starts.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod moving;
mod server;
#[path = "../moves/what/mod.rs"]
mod what;
