//! What a batch of events does to the rows, once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fanone_base::Id;
use fanone_store::{OutboxEvent, StoreError, Tx, inbox};

use super::{Counts, Feed, Picture, PictureStore, accounts, pictures};
use crate::events::kind;

/// Applies batch `number` of `source`, unless it has been applied. The entity of an event is a user or,
/// for covers, a picture; `covers` holds the added ones by id.
pub(crate) async fn apply(
    store: &PictureStore,
    source: &str,
    number: i64,
    events: Vec<OutboxEvent>,
    covers: HashMap<i64, Picture>,
) -> Result<(), StoreError> {
    let (covers, feed) = (Arc::new(covers), store.feed);
    inbox::apply(&store.store, source, number, events, move |tx, events| {
        let covers = Arc::clone(&covers);
        Box::pin(async move { apply_here(tx, feed, events, &covers).await })
    })
    .await
}

/// Applies the events of one shard.
async fn apply_here(
    tx: &Tx,
    feed: Feed,
    events: Vec<OutboxEvent>,
    covers: &HashMap<i64, Picture>,
) -> Result<(), StoreError> {
    // One statement for each account, in the order of the ids: batches that cross cannot block each other.
    let mut counts = BTreeMap::<i64, Counts>::new();
    for OutboxEvent { kind, entity: Id(id), delta, .. } in events {
        match kind {
            kind::USER_VIDEOS => counts.entry(id).or_default().videos += delta,
            kind::USER_LIKES => counts.entry(id).or_default().likes += delta,
            kind::USER_FOLLOWING => counts.entry(id).or_default().following += delta,
            kind::USER_FOLLOWERS => counts.entry(id).or_default().followers += delta,
            kind::COVER_ADDED => {
                if let Some(cover) = covers.get(&id) {
                    pictures::put(tx, feed, cover.clone()).await?;
                }
            }
            kind::COVER_REMOVED => pictures::remove(tx, feed, id).await?,
            _ => {}
        }
    }
    for (id, by) in counts {
        accounts::move_counts(tx, Id(id), by).await?;
    }
    Ok(())
}
