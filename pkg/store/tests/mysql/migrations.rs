use fanone_base::{Bucket, Failure};
use fanone_store::{Migration, Step, StoreError};
use futures::future::join_all;

use crate::{
    common::{MIGRATIONS, add_word},
    fresh,
};

const EXPANDED: &[Migration] = &[
    MIGRATIONS[0],
    Migration {
        number: 2,
        name: "meanings",
        step: Step::Expand,
        statements: &[
            "ALTER TABLE word ADD COLUMN meaning VARCHAR(40) NOT NULL DEFAULT ''",
            "CREATE INDEX word_by_meaning ON word (meaning)",
            "UPDATE word SET meaning = 'none' WHERE meaning = ''",
        ],
    },
];

const CONTRACTED: &[Migration] = &[
    EXPANDED[0],
    EXPANDED[1],
    Migration { number: 3, name: "no counters", step: Step::Contract, statements: &["DROP TABLE counter"] },
];

fn only(result: Result<impl Sized, Vec<StoreError>>) -> StoreError {
    let mut errors = result.err().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[tokio::test]
async fn a_database_that_lacks_steps_is_refused_until_it_is_migrated() {
    let fresh = fresh().await;
    let refused = only(fresh.open(MIGRATIONS).await);
    assert!(matches!(refused, StoreError::TooOld { found: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("run `fanone migrate`"), "{refused}");
    assert!(refused.to_string().contains("root:***@"), "no password: {refused}");
    fresh.migrate(MIGRATIONS).await.unwrap();
    fresh.open(MIGRATIONS).await.unwrap();
    let refused = only(fresh.open(EXPANDED).await);
    assert!(matches!(refused, StoreError::TooOld { component: "test", found: 1, known: 2, .. }), "{refused}");
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_migrate_at_once_do_no_harm() {
    let fresh = fresh().await;
    for outcome in join_all((0..4).map(|_| fresh.migrate(CONTRACTED))).await {
        outcome.unwrap();
    }
    fresh.open(CONTRACTED).await.unwrap();
    let noted = fresh.number("SELECT COUNT(*) FROM {db}.migration WHERE component = 'test'").await;
    assert_eq!(noted, 3);
    assert_eq!(fresh.number("SELECT COUNT(*) FROM {db}.store_identity").await, 1);
    fresh.drop().await;
}

#[tokio::test]
async fn a_step_that_was_broken_off_goes_on_where_it_was() {
    let fresh = fresh().await;
    fresh.migrate(MIGRATIONS).await.unwrap();
    // What a process left that was killed after the first statement of step 2.
    fresh.admin("ALTER TABLE {db}.word ADD COLUMN meaning VARCHAR(40) NOT NULL DEFAULT ''").await;
    fresh.migrate(EXPANDED).await.unwrap();
    let sql = "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = '{db}' \
        AND index_name = 'word_by_meaning'";
    assert_eq!(fresh.number(sql).await, 1);
    fresh.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_goes_on_beside_a_step_that_adds_and_not_after_one_that_takes_away() {
    let fresh = fresh().await;
    let old = fresh.store().await;
    let writes = tokio::spawn(async move {
        for number in 0..100 {
            let word = format!("word {number}");
            let write = old.shard(Bucket::new(0)).write(move |tx| {
                let word = word.clone();
                Box::pin(async move { add_word(tx, &word).await })
            });
            write.await?;
        }
        Ok::<_, StoreError>(old)
    });
    fresh.migrate(EXPANDED).await.unwrap();
    writes.await.unwrap().unwrap();
    assert_eq!(fresh.number("SELECT COUNT(*) FROM {db}.word").await, 100);
    fresh.open(MIGRATIONS).await.unwrap();
    fresh.migrate(CONTRACTED).await.unwrap();
    let refused = only(fresh.open(EXPANDED).await);
    assert!(matches!(refused, StoreError::TooNew { found: 3, known: 2, .. }), "{refused}");
    fresh.drop().await;
}

#[tokio::test]
async fn what_stands_in_the_way_at_the_start_is_said_plainly() {
    let fresh = fresh().await;
    let mut database = fresh.database();
    let reason = async |url: &str| {
        let mut database = database.clone();
        database.shards[0].urls = vec![url.parse().unwrap()];
        let refused = only(fanone_store::Store::open(&database, &crate::common::options(MIGRATIONS)).await);
        assert_eq!(refused.code().number(), 10006);
        refused.to_string()
    };
    let address = database.shards[0].urls[0].to_string();
    let address = address.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    let wrong = reason(&format!("mysql://root:hunter2@{address}/x")).await;
    assert!(wrong.contains("refuses the user or the password") && !wrong.contains("hunter2"), "{wrong}");
    let nobody = reason("mysql://root:hunter2@127.0.0.1:1/x").await;
    assert!(nobody.contains("can't be reached") && !nobody.contains("hunter2"), "{nobody}");
    database.shards[0].buckets = fanone_config::Buckets::parse("0-511").unwrap();
    fresh.migrate(MIGRATIONS).await.unwrap();
    let refused = only(fanone_store::Store::open(&database, &crate::common::options(MIGRATIONS)).await);
    assert!(matches!(refused, StoreError::Layout { .. }), "{refused}");
    fresh.drop().await;
}
