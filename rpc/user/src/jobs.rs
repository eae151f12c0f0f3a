//! What this service does by the clock.

use std::time::Duration;

use fanone_base::time;
use fanone_config::Live;
use fanone_store::{Shard, Store, StoreError, jobs::every};
use tokio_util::sync::CancellationToken;

use crate::{
    UserService, feed,
    store::{Feed, purge_sessions},
};

/// How often expired sessions are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);
/// How often it is looked whether a vector database works.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Deletes expired sessions and keeps an index of vectors that is shared up to date, as often as the settings in force
/// say, until `shutdown`.
pub async fn run_jobs(service: UserService, store: Store, live: Live, shutdown: CancellationToken) {
    let purge = every(&store, "user_purge_sessions", || PURGE_INTERVAL, shutdown.clone(), purge);
    if service.pictures.store.feed == Feed::Table {
        return purge.await;
    }
    let pictures = service.pictures;
    let interval = || live.get().counters.interval();
    let deliver = |shard| feed::deliver(shard, pictures.clone(), live.get().counters.batch_events);
    let check = || pictures.index.ping();
    futures::join!(
        purge,
        every(&store, "user_to_vectors", interval, shutdown.clone(), deliver),
        fanone_telemetry::jobs::every("user_check_vectors", || CHECK_INTERVAL, shutdown, check),
    );
}

async fn purge(shard: Shard) -> Result<(), StoreError> {
    let purged = purge_sessions(&shard, time::now_ms()).await?;
    if purged > 0 {
        tracing::debug!(purged, "expired sessions");
    }
    Ok(())
}
