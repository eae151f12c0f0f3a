//! How the numbers of users travel from this service to the user service.

use fanone_base::Id;
use fanone_call::CallError;
use fanone_config::Live;
use fanone_store::{
    OutboxEvent, Shard, Store, StoreError, Tx,
    jobs::every,
    outbox::{self, Batch, DeliverError},
};
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::{
    base::{ApplyEventsReq, Event, EventKind},
    user::UserServiceClient,
};

/// Who counts what users follow.
pub(crate) const USER: &str = "fanone.user";

/// Sends counters to the user service as often as `live` says, until `shutdown`.
pub async fn run_jobs(store: Store, live: Live, user: UserServiceClient, shutdown: CancellationToken) {
    let interval = || live.get().counters.interval();
    let send = |shard| send_to_user(shard, live.get().counters.batch_events, user.clone());
    every(&store, "social_to_user", interval, shutdown, send).await;
}

/// Sends what happened to users, in batches of at most `limit` events.
async fn send_to_user(
    shard: Shard,
    limit: u32,
    user: UserServiceClient,
) -> Result<(), DeliverError<CallError>> {
    let send = async |batch: Batch| {
        let events = batch.events.iter().map(to_thrift).collect();
        let req = ApplyEventsReq { source: batch.source.into(), number: batch.number, events };
        fanone_call::check(user.apply_events(req).await?.base)
    };
    outbox::deliver(&shard, USER, limit, send).await?;
    Ok(())
}

/// Tells the user service that `from` follows `to` (`delta` 1) or no longer does (-1), if the
/// transaction holds.
pub(crate) async fn record_follow(tx: &Tx, from: Id, to: Id, delta: i64) -> Result<(), StoreError> {
    let following = OutboxEvent::counter(EventKind::USER_FOLLOWING.inner(), from, delta);
    let followers = OutboxEvent::counter(EventKind::USER_FOLLOWERS.inner(), to, delta);
    outbox::record(tx, USER, &[following, followers]).await
}

fn to_thrift(event: &OutboxEvent) -> Event {
    Event { kind: EventKind::from(event.kind), entity_id: event.entity.0, delta: event.delta, picture: None }
}
