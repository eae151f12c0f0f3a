//! What this service does by the clock.

use std::time::Duration;

use fanone_telemetry::jobs::every;
use tokio_util::sync::CancellationToken;

use crate::UserService;

/// How often expired sessions are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Deletes expired sessions, until `shutdown`. Several processes may run it for one store.
pub async fn run_jobs(service: UserService, shutdown: CancellationToken) {
    every("user_purge_sessions", PURGE_INTERVAL, shutdown, || service.sessions.purge()).await;
}
