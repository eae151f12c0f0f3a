use std::time::Duration;

use fanone_base::Bucket;
use fanone_store::{Shard, Store, StoreError, Tx};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};

use crate::{
    common::{add_word, count_up},
    fresh,
};

fn shard(store: &Store) -> &Shard {
    store.shard(Bucket::new(0))
}

async fn write_word(shard: &Shard, word: String) -> Result<(), StoreError> {
    let write = shard.write(move |tx| {
        let word = word.clone();
        Box::pin(async move { add_word(tx, &word).await })
    });
    write.await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_nothing_and_harms_nobody_in_its_group() {
    let fresh = fresh().await;
    let store = fresh.store().await;
    let writes = (0..100).map(|n| {
        let shard = shard(&store);
        async move {
            let write = shard.write(move |tx| {
                Box::pin(async move {
                    add_word(tx, &format!("first {n}")).await?;
                    let second = if n % 2 == 0 { "the same".to_owned() } else { format!("second {n}") };
                    add_word(tx, &second).await
                })
            });
            write.await
        }
    });
    let results: Vec<Result<(), StoreError>> = join_all(writes).await;
    let refused: Vec<&StoreError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refused.len(), 49, "of the 50 that write the same word one wins");
    assert!(refused.iter().all(|error| error.is_duplicate()), "{refused:?}");
    assert_eq!(fresh.number("SELECT COUNT(*) FROM {db}.word").await, 51 * 2);
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_panics_is_undone() {
    let fresh = fresh().await;
    let store = fresh.store().await;
    let result: Result<(), StoreError> = shard(&store)
        .write(|tx| {
            Box::pin(async move {
                add_word(tx, "lost").await?;
                panic!("on purpose")
            })
        })
        .await;
    assert!(matches!(result, Err(StoreError::GivenUp(_))));
    write_word(shard(&store), "kept".to_owned()).await.unwrap();
    assert_eq!(fresh.number("SELECT COUNT(*) FROM {db}.word").await, 1);
    fresh.drop().await;
}

/// Locks two rows in an order, with a pause in between that lets others in.
async fn move_one(tx: &Tx, from: i64, to: i64) -> Result<(), StoreError> {
    count_up(tx, from, -1).await?;
    tokio::time::sleep(Duration::from_millis(3)).await;
    count_up(tx, to, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlocks_are_repeated_until_everybody_has_succeeded_once() {
    let fresh = fresh().await;
    // Two processes: within one, what waits may run in one transaction.
    let stores = [fresh.store().await, fresh.store().await];
    let write = async |store: &Store, from, to| -> Result<(), StoreError> {
        shard(store).write(move |tx| Box::pin(move_one(tx, from, to))).await
    };
    for (from, to) in [(1, 2), (2, 1)] {
        write(&stores[0], from, to).await.unwrap();
    }
    let deadlocks = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
        WHERE variable_name = 'Innodb_deadlocks'";
    let before = fresh.number(deadlocks).await;
    for _ in 0..15 {
        let round = join_all([write(&stores[0], 1, 2), write(&stores[1], 2, 1)]).await;
        assert!(round.iter().all(Result::is_ok), "{round:?}");
    }
    assert!(fresh.number(deadlocks).await > before, "the test makes deadlocks");
    assert_eq!(fresh.number("SELECT CAST(SUM(value) AS SIGNED) FROM {db}.counter").await, 0);
    assert_eq!(fresh.number("SELECT value FROM {db}.counter WHERE id = 1").await, 0);
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_locked_for_a_while_is_waited_for() {
    let fresh = fresh().await;
    let stores = [fresh.store().await, fresh.store().await];
    let hold: Result<(), StoreError> = shard(&stores[0]).write(|tx| Box::pin(count_up(tx, 1, 1))).await;
    hold.unwrap();
    let long = shard(&stores[0]).write(|tx| {
        Box::pin(async move {
            count_up(tx, 1, 1).await?;
            // Longer than the server lets others wait for a lock.
            tokio::time::sleep(Duration::from_millis(2500)).await;
            Ok::<_, StoreError>(())
        })
    });
    let short = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        shard(&stores[1]).write(|tx| Box::pin(count_up(tx, 1, 1))).await
    };
    let (long, short): (Result<(), StoreError>, Result<(), StoreError>) = tokio::join!(long, short);
    long.unwrap();
    short.unwrap();
    assert_eq!(fresh.number("SELECT value FROM {db}.counter WHERE id = 1").await, 3);
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_nothing_that_was_answered_and_store_nothing_twice() {
    let fresh = fresh().await;
    let store = fresh.store().await;
    let counting = async |number: i64| {
        let counted: Result<(), StoreError> =
            shard(&store).write(move |tx| Box::pin(count_up(tx, number, 1))).await;
        (number, counted)
    };
    let writes = async {
        let mut outcomes = Vec::new();
        for round in 0..40 {
            outcomes.extend(join_all((0..25).map(|n| counting(round * 25 + n))).await);
        }
        outcomes
    };
    let cuts = async {
        let mut cut = 0;
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            cut += fresh.cut_connections().await;
        }
        cut
    };
    let (outcomes, cut) = tokio::join!(writes, cuts);
    assert!(cut > 0, "the test cuts connections");
    for (number, outcome) in outcomes {
        let sql = format!("SELECT COALESCE(MAX(value), 0) FROM {{db}}.counter WHERE id = {number}");
        match (outcome, fresh.number(&sql).await) {
            (Ok(()), 1) | (Err(StoreError::Unknown(_)), 0 | 1) | (Err(StoreError::Database(_)), 0) => {}
            (outcome, value) => panic!("{number}: {outcome:?}, but the value is {value}"),
        }
    }
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_idempotent_writes_go_on_over_cut_connections() {
    let fresh = fresh().await;
    let store = fresh.store().await;
    let read = async || {
        let select = Statement::from_string(sea_orm::DbBackend::MySql, "SELECT COUNT(*) FROM word");
        shard(&store).read().query_one_raw(select).await
    };
    let add = async |n: usize| -> Result<(), StoreError> {
        let write = shard(&store).write_idempotent(move |tx| {
            Box::pin(async move {
                match add_word(tx, &format!("word {n}")).await {
                    Err(error) if error.is_duplicate() => Ok(()),
                    done => done,
                }
            })
        });
        write.await
    };
    for round in 0..20 {
        let (_, read, added) = tokio::join!(fresh.cut_connections(), read(), add(round));
        read.unwrap();
        added.unwrap();
    }
    assert_eq!(fresh.number("SELECT COUNT(*) FROM {db}.word").await, 20);
    fresh.drop().await;
}

#[tokio::test]
async fn a_reader_refuses_to_write() {
    let fresh = fresh().await;
    let store = fresh.store().await;
    assert!(shard(&store).read().execute_unprepared("DELETE FROM word").await.is_err());
    fresh.drop().await;
}
