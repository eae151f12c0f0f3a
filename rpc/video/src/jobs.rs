//! What this service does by the clock.

use std::time::Duration;

use fanone_base::time;
use fanone_config::Counters;
use fanone_store::{Store, StoreError};
use fanone_telemetry::jobs::every;
use futures::future::try_join_all;
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::user::UserServiceClient;

use crate::{
    counters,
    store::{uploads, visits},
    uploads::DAY_MS,
    visit::QUIET_MS,
};

/// How often what has served its time is removed.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// Brings counters to the user service as often as `settings` says and removes old rows, until `shutdown`. For one
/// `store` this must run in one process at a time.
pub async fn run_jobs(
    store: Store,
    settings: Counters,
    users: UserServiceClient,
    shutdown: CancellationToken,
) {
    let (store, users) = (&store, &users);
    futures::join!(
        every("video_to_user", settings.interval(), shutdown.clone(), || {
            counters::deliver(store, users, settings.batch_events)
        }),
        every("video_purge_visits", PURGE_INTERVAL, shutdown.clone(), || purge_visits(store)),
        every("video_purge_uploads", PURGE_INTERVAL, shutdown, || purge_uploads(store)),
    );
}

async fn purge_visits(store: &Store) -> Result<(), StoreError> {
    let before = time::now_ms() - QUIET_MS;
    try_join_all(store.shards().iter().map(|shard| visits::purge(shard, before))).await?;
    Ok(())
}

/// Uploads are kept for a day at least, for they are counted by the day.
async fn purge_uploads(store: &Store) -> Result<(), StoreError> {
    let before = time::now_ms() - DAY_MS;
    try_join_all(store.shards().iter().map(|shard| uploads::purge(shard, before))).await?;
    Ok(())
}
