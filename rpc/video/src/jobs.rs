//! What this service does by the clock.

use std::time::Duration;

use fanone_base::time;
use fanone_config::Live;
use fanone_store::{Shard, Store, StoreError, jobs::every};
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
/// How long an upload is kept that has expired, milliseconds.
const EXPIRED_FOR_MS: i64 = 60 * 60 * 1000;

/// Brings counters to the user service as often as `live` says and removes old rows, until `shutdown`.
pub async fn run_jobs(store: Store, live: Live, users: UserServiceClient, shutdown: CancellationToken) {
    let interval = || live.get().counters.interval();
    let deliver = |shard| counters::deliver(shard, users.clone(), live.get().counters.batch_events);
    futures::join!(
        every(&store, "video_to_user", interval, shutdown.clone(), deliver),
        every(&store, "video_purge_visits", || PURGE_INTERVAL, shutdown.clone(), purge_visits),
        every(&store, "video_purge_uploads", || PURGE_INTERVAL, shutdown, purge_uploads),
    );
}

async fn purge_visits(shard: Shard) -> Result<(), StoreError> {
    visits::purge(&shard, time::now_ms() - QUIET_MS).await
}

/// Uploads are kept for a day at least, for they are counted by the day, and a while after their end: the last byte of one
/// may have come just in time.
async fn purge_uploads(shard: Shard) -> Result<(), StoreError> {
    let now = time::now_ms();
    uploads::purge(&shard, now - DAY_MS, now - EXPIRED_FOR_MS).await
}
