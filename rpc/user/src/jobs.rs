//! What this service does by the clock.

use std::time::Duration;

use fanone_base::time;
use fanone_store::{Shard, Store, StoreError, jobs::every};
use tokio_util::sync::CancellationToken;

use crate::store::purge_sessions;

/// How often expired sessions are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Deletes expired sessions, until `shutdown`.
pub async fn run_jobs(store: Store, shutdown: CancellationToken) {
    every(&store, "user_purge_sessions", || PURGE_INTERVAL, shutdown, purge).await;
}

async fn purge(shard: Shard) -> Result<(), StoreError> {
    let purged = purge_sessions(&shard, time::now_ms()).await?;
    if purged > 0 {
        tracing::debug!(purged, "expired sessions");
    }
    Ok(())
}
