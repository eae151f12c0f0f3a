use fanone_base::Bucket;
use fanone_store::{Shard, StoreError, Tx};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};

use crate::{reopen, store_of};

async fn add_word(tx: &Tx, word: &str) -> Result<(), StoreError> {
    let insert = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "INSERT INTO word (word) VALUES (?)",
        [word.into()],
    );
    tx.execute_raw(insert).await?;
    Ok(())
}

async fn write_word(shard: &Shard, word: &'static str) -> Result<(), StoreError> {
    shard.write(move |tx| Box::pin(add_word(tx, word))).await
}

async fn words(shard: &Shard) -> i64 {
    let count = Statement::from_string(shard.read().get_database_backend(), "SELECT COUNT(*) FROM word");
    shard.read().query_one_raw(count).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_there_after_a_restart() {
    let (folder, store) = store_of(1).await;
    write_word(store.shard(Bucket::new(0)), "hello").await.unwrap();
    drop(store);
    let store = reopen(&folder, 1).await;
    assert_eq!(words(store.shard(Bucket::new(0))).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_nothing_and_harms_nobody_in_its_group() {
    let (_folder, store) = store_of(1).await;
    let shard = store.shard(Bucket::new(0));
    let writes = (0..100).map(|n| async move {
        shard
            .write(move |tx| {
                Box::pin(async move {
                    add_word(tx, &format!("first {n}")).await?;
                    add_word(
                        tx,
                        if n % 2 == 0 { "the same".to_owned() } else { format!("second {n}") }.as_str(),
                    )
                    .await
                })
            })
            .await
    });
    let results = join_all(writes).await;
    let refused: Vec<&StoreError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refused.len(), 49, "of the 50 that write the same word one wins");
    assert!(refused.iter().all(|error| error.is_duplicate()));
    assert_eq!(words(shard).await, 51 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_panics_is_undone_and_the_writer_goes_on() {
    let (_folder, store) = store_of(1).await;
    let shard = store.shard(Bucket::new(0));
    let result: Result<(), StoreError> = shard
        .write(|tx| {
            Box::pin(async move {
                add_word(tx, "lost").await?;
                panic!("on purpose")
            })
        })
        .await;
    assert!(matches!(result, Err(StoreError::GivenUp(_))));
    write_word(shard, "kept").await.unwrap();
    assert_eq!(words(shard).await, 1);
}

async fn pages_max(tx: &Tx, pages: u32) -> Result<(), StoreError> {
    let pragma = format!("PRAGMA max_page_count = {pages}");
    tx.query_one_raw(Statement::from_string(tx.get_database_backend(), pragma)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_what_is_refused_leaves_nothing_and_what_is_answered_is_there() {
    let (_folder, store) = store_of(1).await;
    let shard = store.shard(Bucket::new(0));
    let limit = |pages| shard.write(move |tx| Box::pin(pages_max(tx, pages)));
    for round in 0..3 {
        limit(1).await.unwrap();
        let before = words(shard).await;
        let writes = (0..20).map(|n| async move {
            let n = round * 20 + n;
            let word = if n % 5 == 1 { "x".repeat(100_000) } else { format!("word {n}") };
            shard
                .write(move |tx| {
                    let word = word.clone();
                    Box::pin(async move { add_word(tx, &word).await })
                })
                .await
        });
        let results: Vec<Result<(), StoreError>> = join_all(writes).await;
        assert!(results.iter().any(Result::is_err));
        let stored = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(words(shard).await, before + i64::try_from(stored).unwrap(), "{results:?}");
    }
    limit(u32::MAX - 1).await.unwrap();
    for word in ["one", "two", "three"] {
        let before = words(shard).await;
        write_word(shard, word).await.unwrap();
        assert_eq!(words(shard).await, before + 1);
    }
}
