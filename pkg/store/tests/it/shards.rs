use fanone_base::Bucket;
use fanone_store::{Migration, Recent, Step, Store, StoreError};

use crate::{MIGRATIONS, store_of};

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_split_evenly_and_in_order() {
    let (_folder, store) = store_of(2).await;
    assert_eq!(store.index(Bucket::new(0)), 0);
    assert_eq!(store.index(Bucket::new(511)), 0);
    assert_eq!(store.index(Bucket::new(512)), 1);
    assert_eq!(store.index(Bucket::new(1023)), 1);
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_not_touched() {
    let (folder, store) = store_of(1).await;
    drop(store);
    let path = folder.path().join("0.db");
    let open = async |migrations| Store::embedded("test", std::slice::from_ref(&path), migrations).await;
    let older: &[Migration] = &[];
    assert!(open(older).await.is_ok(), "what only added is no reason to stop");
    const CONTRACTED: &[Migration] = &[
        MIGRATIONS[0],
        Migration { number: 2, name: "no words", step: Step::Contract, statements: &["DROP TABLE word"] },
    ];
    open(CONTRACTED).await.unwrap();
    let refused = open(MIGRATIONS).await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 2, known: 1, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_kept_until_the_next_commit() {
    let (_folder, store) = store_of(1).await;
    let shard = store.shard(Bucket::new(0));
    let recent: Recent<&str, u32> = Recent::default();
    let read =
        async |rows: Vec<u32>| recent.get(shard.version().await, "key", async { Ok(rows) }).await.unwrap();
    assert_eq!(read(vec![1]).await, [1]);
    assert_eq!(read(vec![2]).await, [1]);
    let write: Result<(), StoreError> = shard.write(|_| Box::pin(async { Ok(()) })).await;
    write.unwrap();
    assert_eq!(read(vec![3]).await, [3]);
}
