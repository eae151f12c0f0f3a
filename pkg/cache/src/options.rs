//! How a cache server is spoken to.

use std::time::Duration;

/// Times and sizes for a server; `memory:` needs none.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For one operation, whatever happens to the server meanwhile.
    pub timeout: Duration,
    /// For a new connection, with its greeting and login.
    pub connect_timeout: Duration,
    /// Connections of this process. Each carries the operations of many callers at a time, and sends them together: so
    /// one is the cheapest, and a second keeps small values from waiting behind large ones.
    pub connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(250), connect_timeout: Duration::from_secs(1), connections: 1 }
    }
}
