//! How the numbers of users travel from this service to the user service.

use fanone_base::Id;
use fanone_call::CallError;
use fanone_config::Counters;
use fanone_store::{
    OutboxEvent, Store, StoreError,
    outbox::{self, Batch, DeliverError},
};
use fanone_telemetry::jobs::every;
use futures::future::join_all;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;
use volo_gen::fanone::{
    base::{ApplyEventsReq, Event, EventKind},
    user::UserServiceClient,
};

/// Who counts what users follow.
pub(crate) const USER: &str = "fanone.user";

/// Sends counters to the user service as often as `settings` says, until `shutdown`. For one
/// `store` this must run in one process at a time.
pub async fn run_jobs(
    store: Store,
    settings: Counters,
    user: UserServiceClient,
    shutdown: CancellationToken,
) {
    let (interval, limit) = (settings.interval(), settings.batch_events);
    every("social_to_user", interval, shutdown, || send_to_user(&store, limit, &user)).await;
}

/// Sends what happened to users, in batches of at most `limit` events. A shard that fails does not
/// hold up the others.
async fn send_to_user(
    store: &Store,
    limit: u32,
    user: &UserServiceClient,
) -> Result<(), DeliverError<CallError>> {
    let send = |batch: Batch| async move {
        let events = batch.events.iter().map(to_thrift).collect();
        let req = ApplyEventsReq { source: batch.source.into(), number: batch.number, events };
        fanone_call::check(user.apply_events(req).await?.base)
    };
    let shards = store.shards().iter().map(|shard| outbox::deliver(shard, USER, limit, send));
    join_all(shards).await.into_iter().try_for_each(|result| result.map(drop))
}

/// Tells the user service that `from` follows `to` (`delta` 1) or no longer does (-1), if the
/// transaction holds.
pub(crate) async fn record_follow(
    tx: &DatabaseTransaction,
    from: Id,
    to: Id,
    delta: i64,
) -> Result<(), StoreError> {
    let following = OutboxEvent::counter(EventKind::USER_FOLLOWING.inner(), from, delta);
    let followers = OutboxEvent::counter(EventKind::USER_FOLLOWERS.inner(), to, delta);
    outbox::record(tx, USER, &[following, followers]).await
}

fn to_thrift(event: &OutboxEvent) -> Event {
    Event { kind: EventKind::from(event.kind), entity_id: event.entity.0, delta: event.delta, picture: None }
}
