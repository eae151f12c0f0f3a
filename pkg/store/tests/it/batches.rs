use std::sync::Mutex;

use fanone_base::{Bucket, Id};
use fanone_store::{
    OutboxEvent, Store, StoreError, Tx, inbox,
    outbox::{self, Batch},
};
use sea_orm::{ConnectionTrait, Statement};

use crate::{reopen, store_of};

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

async fn happen(store: &Store, events: Vec<OutboxEvent>) {
    let write = store.shard(Bucket::new(0)).write(move |tx| {
        let events = events.clone();
        Box::pin(async move { outbox::record(tx, "there", &events).await })
    });
    write.await.unwrap();
}

/// Delivers everything, and answers what the receiver saw; it refuses when `refuse` says so.
async fn deliver(store: &Store, limit: u32, refuse: bool) -> Vec<Batch> {
    let seen = Mutex::new(Vec::new());
    let send = |batch: Batch| {
        seen.lock().unwrap().push(batch);
        async move { if refuse { Err(Refused) } else { Ok(()) } }
    };
    let _ = outbox::deliver(store.shard(Bucket::new(0)), "there", limit, send).await;
    seen.into_inner().unwrap()
}

async fn count_up(tx: &Tx, events: Vec<OutboxEvent>) -> Result<(), StoreError> {
    for event in events {
        let sql =
            "INSERT INTO counter (id, value) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = value + ?";
        let values = [event.entity.0.into(), event.delta.into(), event.delta.into()];
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

async fn value(store: &Store, id: Id) -> i64 {
    let read = store.shard(id.bucket()).read();
    let select = Statement::from_sql_and_values(
        read.get_database_backend(),
        "SELECT COALESCE(SUM(value), 0) FROM counter WHERE id = ?",
        [id.0.into()],
    );
    read.query_one_raw(select).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_summed_up_and_other_events_stay_apart() {
    let (_folder, store) = store_of(1).await;
    let picture = OutboxEvent { kind: 9, entity: Id(5), delta: 0, payload: Some(vec![1, 2]) };
    let (up, down) = (OutboxEvent::counter(1, Id(5), 1), OutboxEvent::counter(1, Id(5), -1));
    happen(&store, vec![up.clone(), picture.clone(), up.clone(), OutboxEvent::counter(2, Id(5), 1)]).await;
    happen(&store, vec![OutboxEvent::counter(1, Id(6), 1), OutboxEvent::counter(1, Id(6), -1), up, down])
        .await;
    let batches = deliver(&store, 100, false).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(
        batches[0].events,
        [OutboxEvent::counter(1, Id(5), 2), OutboxEvent::counter(2, Id(5), 1), picture]
    );
    assert!(deliver(&store, 100, false).await.is_empty(), "what has arrived is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_is_sent_again_unchanged_also_after_a_restart() {
    let (folder, store) = store_of(1).await;
    happen(&store, vec![OutboxEvent::counter(1, Id(5), 1)]).await;
    let first = deliver(&store, 100, true).await;
    happen(&store, vec![OutboxEvent::counter(1, Id(5), 1)]).await;
    drop(store);
    let store = reopen(&folder, 1).await;
    let again = deliver(&store, 100, false).await;
    assert_eq!((again.len(), again[0].number, &again[0].source), (2, first[0].number, &first[0].source));
    assert_eq!(again[0].events, first[0].events);
    assert_eq!(again[1].number, first[0].number + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_holds_no_more_rows_than_its_limit() {
    let (_folder, store) = store_of(1).await;
    happen(&store, (1..=1201).map(|id| OutboxEvent::counter(1, Id(id), 1)).collect()).await;
    let sizes: Vec<usize> =
        deliver(&store, 1000, false).await.iter().map(|batch| batch.events.len()).collect();
    assert_eq!(sizes, [1000, 201]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_arrives_twice_counts_once_in_every_shard() {
    let (_folder, store) = store_of(2).await;
    let (low, high) = (Id(1 << 10), Id((1 << 10) | 1023));
    let events = vec![OutboxEvent::counter(1, low, 2), OutboxEvent::counter(1, high, 3)];
    for number in [1, 1, 2, 1] {
        inbox::apply(&store, "here", number, events.clone(), |tx, events| Box::pin(count_up(tx, events)))
            .await
            .unwrap();
    }
    assert_eq!((value(&store, low).await, value(&store, high).await), (4, 6));
}
