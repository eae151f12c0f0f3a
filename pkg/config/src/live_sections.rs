//! Sections that documents may change while the program runs.

use std::time::Duration;

use serde::Deserialize;

/// The scheduled counters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Counters {
    /// How often counters travel.
    pub interval_ms: u64,
    /// Events in one batch at most.
    pub batch_events: u32,
}

impl Counters {
    /// How often counters travel.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }
}

/// What people can begin; each can be switched off.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Features {
    /// New accounts.
    pub registration: bool,
    /// New videos.
    pub upload: bool,
    /// New comments.
    pub comment: bool,
    /// New connections to the chat.
    pub chat: bool,
    /// The search by picture.
    pub image_search: bool,
}

/// Rate limits and lockouts; the windows stand in `default.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Limits {
    /// Whether any of them is in force.
    pub enabled: bool,
    /// Requests of one address in 10 s.
    pub requests_per_ip: u32,
    /// Log-ins from one address in 5 min.
    pub logins_per_ip: u32,
    /// Registrations from one address in 5 min.
    pub registrations_per_ip: u32,
    /// Messages of one WebSocket in a second.
    pub messages_per_second: u32,
    /// Uploads of one user in a day.
    pub uploads_per_user: u32,
    /// Failed log-ins of one account before it is locked for 5 min.
    pub logins_failed_per_account: u32,
    /// Wrong second factors before a lock of 5 min.
    pub mfa_failures: u32,
}
