//! How numbers travel from this service: to the videos by calls, to the comments through the inbox
//! of their own shard.

use fanone_base::Id;
use fanone_call::CallError;
use fanone_config::Live;
use fanone_store::{
    OutboxEvent, Shard, Store, StoreError, Tx, inbox,
    jobs::every,
    outbox::{self, Batch, DeliverError},
};
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

/// Brings counters where they belong as often as `live` says, until `shutdown`.
pub async fn run_jobs(store: Store, live: Live, video: VideoServiceClient, shutdown: CancellationToken) {
    let interval = || live.get().counters.interval();
    let limit = || live.get().counters.batch_events;
    let to_video = |shard| send_to_video(shard, limit(), video.clone());
    let to_comments = |shard| count_comment_likes(store.clone(), shard, limit());
    futures::join!(
        every(&store, "interaction_to_video", interval, shutdown.clone(), to_video),
        every(&store, "interaction_to_comments", interval, shutdown, to_comments),
    );
}

/// Tells whoever counts the likes of `target` that there are `delta` more of them, if the transaction holds.
pub(crate) async fn record_likes(tx: &Tx, target: Target, delta: i64) -> Result<(), StoreError> {
    let (destination, kind, id) = match target {
        Target::Video(id) => (VIDEO, EventKind::VIDEO_LIKES, id),
        Target::Comment(id) => (INTERACTION, EventKind::COMMENT_LIKES, id),
    };
    outbox::record(tx, destination, &[OutboxEvent::counter(kind.inner(), id, delta)]).await
}

/// Tells the video service that `video` has `delta` more comments, if the transaction holds.
pub(crate) async fn record_comments(tx: &Tx, video: Id, delta: i64) -> Result<(), StoreError> {
    let event = OutboxEvent::counter(EventKind::VIDEO_COMMENTS.inner(), video, delta);
    outbox::record(tx, VIDEO, &[event]).await
}

/// Sends what happened to videos, in batches of at most `limit` events.
async fn send_to_video(
    shard: Shard,
    limit: u32,
    video: VideoServiceClient,
) -> Result<(), DeliverError<CallError>> {
    let send = async |batch: Batch| {
        let events = batch.events.iter().map(to_thrift).collect();
        let req = ApplyEventsReq { source: batch.source.into(), number: batch.number, events };
        fanone_call::check(video.apply_events(req).await?.base)
    };
    outbox::deliver(&shard, VIDEO, limit, send).await?;
    Ok(())
}

/// Brings the like counts of comments up to date, in batches of at most `limit` events of one shard.
pub(crate) async fn count_comment_likes(
    store: Store,
    shard: Shard,
    limit: u32,
) -> Result<(), DeliverError<StoreError>> {
    outbox::deliver(&shard, INTERACTION, limit, |batch| apply_likes(&store, batch)).await?;
    Ok(())
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
