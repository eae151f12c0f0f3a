//! How numbers travel from this service: to the videos by calls, to the comments through the inbox
//! of their own shard.

use fanone_base::Id;
use fanone_call::CallError;
use fanone_config::Counters;
use fanone_store::{
    OutboxEvent, Store, StoreError, inbox,
    outbox::{self, Batch, DeliverError},
};
use fanone_telemetry::jobs::every;
use futures::future::join_all;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::{
    base::{ApplyEventsReq, Event, EventKind},
    video::VideoServiceClient,
};

use crate::{like::Target, store::comments};

/// Who counts the likes and comments of videos.
pub(crate) const VIDEO: &str = "fanone.video";
/// Who counts the likes of comments: this service itself, in the comment's shard.
pub(crate) const INTERACTION: &str = "fanone.interaction";

/// Brings counters where they belong as often as `settings` says, until `shutdown`. For one `store`
/// this must run in one process at a time.
pub async fn run_jobs(
    store: Store,
    settings: Counters,
    video: VideoServiceClient,
    shutdown: CancellationToken,
) {
    let (interval, limit) = (settings.interval(), settings.batch_events);
    let videos =
        every("interaction_to_video", interval, shutdown.clone(), || send_to_video(&store, limit, &video));
    let comments =
        every("interaction_to_comments", interval, shutdown, || count_comment_likes(&store, limit));
    futures::join!(videos, comments);
}

/// Tells whoever counts the likes of `target` that there are `delta` more of them, if the transaction holds.
pub(crate) async fn record_likes(
    tx: &DatabaseTransaction,
    target: Target,
    delta: i64,
) -> Result<(), StoreError> {
    let (destination, kind, id) = match target {
        Target::Video(id) => (VIDEO, EventKind::VIDEO_LIKES, id),
        Target::Comment(id) => (INTERACTION, EventKind::COMMENT_LIKES, id),
    };
    outbox::record(tx, destination, &[OutboxEvent::counter(kind.inner(), id, delta)]).await
}

/// Tells the video service that `video` has `delta` more comments, if the transaction holds.
pub(crate) async fn record_comments(
    tx: &DatabaseTransaction,
    video: Id,
    delta: i64,
) -> Result<(), StoreError> {
    let event = OutboxEvent::counter(EventKind::VIDEO_COMMENTS.inner(), video, delta);
    outbox::record(tx, VIDEO, &[event]).await
}

/// Sends what happened to videos, in batches of at most `limit` events. A shard that fails does not
/// hold up the others.
pub(crate) async fn send_to_video(
    store: &Store,
    limit: u32,
    video: &VideoServiceClient,
) -> Result<(), DeliverError<CallError>> {
    let send = |batch: Batch| async move {
        let events = batch.events.iter().map(to_thrift).collect();
        let req = ApplyEventsReq { source: batch.source.into(), number: batch.number, events };
        fanone_call::check(video.apply_events(req).await?.base)
    };
    let shards = store.shards().iter().map(|shard| outbox::deliver(shard, VIDEO, limit, send));
    join_all(shards).await.into_iter().try_for_each(|result| result.map(drop))
}

/// Brings the like counts of comments up to date, in batches of at most `limit` events.
pub(crate) async fn count_comment_likes(store: &Store, limit: u32) -> Result<(), DeliverError<StoreError>> {
    let send = |batch: Batch| apply_likes(store, batch);
    let shards = store.shards().iter().map(|shard| outbox::deliver(shard, INTERACTION, limit, send));
    join_all(shards).await.into_iter().try_for_each(|result| result.map(drop))
}

async fn apply_likes(store: &Store, batch: Batch) -> Result<(), StoreError> {
    inbox::apply(store, &batch.source, batch.number, batch.events, |tx, events| {
        Box::pin(async move {
            for event in events {
                comments::add_likes(tx, event.entity, event.delta).await?;
            }
            Ok(())
        })
    })
    .await
}

fn to_thrift(event: &OutboxEvent) -> Event {
    Event { kind: EventKind::from(event.kind), entity_id: event.entity.0, delta: event.delta, picture: None }
}
