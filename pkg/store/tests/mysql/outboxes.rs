use fanone_base::{Bucket, Id};
use fanone_store::{
    OutboxEvent, Store, StoreError, inbox,
    outbox::{self, Batch},
};
use futures::future::join_all;

use crate::{common::count_up, fresh};

const TO: &str = "there";

async fn deliver(from: &Store, to: &Store) {
    let send = async |batch: Batch| {
        let apply = inbox::apply(to, &batch.source, batch.number, batch.events, |tx, events| {
            Box::pin(async move {
                for event in events {
                    count_up(tx, event.entity.0, event.delta).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        apply.await
    };
    outbox::deliver(from.shard(Bucket::new(0)), TO, 7, send).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_counts_once_when_several_processes_deliver_at_once() {
    let (here, there) = (fresh().await, fresh().await);
    let senders = [here.store().await, here.store().await];
    let receivers = [there.store().await, there.store().await];
    let happen = async |store: &Store, n: i64| -> Result<(), StoreError> {
        let write = store.shard(Bucket::new(0)).write(move |tx| {
            Box::pin(async move { outbox::record(tx, TO, &[OutboxEvent::counter(1, Id(n % 5), 1)]).await })
        });
        write.await
    };
    for round in 0..10 {
        let events = (0..20).map(|n| happen(&senders[n as usize % 2], round * 20 + n));
        assert!(join_all(events).await.iter().all(Result::is_ok));
        let deliveries = (0..4).map(|n| deliver(&senders[n % 2], &receivers[n / 2]));
        join_all(deliveries).await;
    }
    deliver(&senders[0], &receivers[0]).await;
    assert_eq!(here.number("SELECT COUNT(*) FROM {db}.outbox").await, 0);
    let counts = there.number("SELECT CAST(SUM(value) AS SIGNED) FROM {db}.counter").await;
    assert_eq!(counts, 200);
    assert_eq!(there.number("SELECT COUNT(*) FROM {db}.counter WHERE value = 40").await, 5);
    here.drop().await;
    there.drop().await;
}
