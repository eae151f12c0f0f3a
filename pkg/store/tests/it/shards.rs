use fanone_base::Bucket;
use fanone_store::{Migration, Recent, Store, StoreError};

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
    let url = format!("sqlite:{}/0.db", folder.path().display());
    let older: &[Migration] = &[];
    let refused = Store::open("test", &[url], older).await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 1, known: 0, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_url_is_refused_by_name() {
    let refused = Store::open("test", &["oracle:x".to_owned()], MIGRATIONS).await.err().unwrap();
    assert_eq!(refused.to_string(), "unknown database url oracle:x, expected sqlite:<path>");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_kept_until_the_next_commit() {
    let (_folder, store) = store_of(1).await;
    let shard = store.shard(Bucket::new(0));
    let recent: Recent<&str, u32> = Recent::default();
    let read = async |rows: Vec<u32>| recent.get(shard.version(), "key", async { Ok(rows) }).await.unwrap();
    assert_eq!(read(vec![1]).await, [1]);
    assert_eq!(read(vec![2]).await, [1]);
    let write: Result<(), StoreError> = shard.write(|_| Box::pin(async { Ok(()) })).await;
    write.unwrap();
    assert_eq!(read(vec![3]).await, [3]);
}
