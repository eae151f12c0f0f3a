//! A shard on a three-node Galera cluster loses a node under writes: `scripts/servers up galera`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "shared with the tests on one server")]
mod common;

use std::{
    fs,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Fresh, add_word, repository};
use fanone_base::Bucket;
use fanone_store::{Store, StoreError};
use sea_orm::{ConnectionTrait, Statement};

const WRITERS: usize = 8;
/// The promise is 5 s; a test machine may be busy.
const REFUSALS_MAX: Duration = Duration::from_secs(10);

/// When writes were acknowledged, and the words of them.
type Acknowledged = Arc<Mutex<Vec<(Instant, String)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_costs_seconds_and_no_acknowledged_write() {
    servers_up();
    let fresh = Fresh::on("FANONE_TEST_GALERA", "galera").await;
    let store = fresh.store().await;
    for node in 1..=3 {
        let (acknowledged, over) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (acknowledged, over) = (Arc::clone(&acknowledged), Arc::clone(&over));
                tokio::spawn(write(store.clone(), format!("{node}-{writer}"), acknowledged, over))
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(2)).await;
        kill(node);
        tokio::time::sleep(Duration::from_secs(12)).await;
        over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        let acknowledged = acknowledged.lock().unwrap().clone();
        let gap = longest_gap(&acknowledged);
        println!("node {node} killed: {} writes, longest time without one {gap:?}", acknowledged.len());
        assert!(gap < REFUSALS_MAX, "{gap:?}");
        let stored = words(&store, node).await;
        let missing = acknowledged.iter().filter(|(_, word)| !stored.contains(word)).count();
        assert_eq!(missing, 0, "acknowledged writes that are not there");
        servers_up();
    }
    // The administrator's first connection died with the first node: the next run drops the database.
}

async fn write(store: Store, name: String, acknowledged: Acknowledged, over: Arc<AtomicBool>) {
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let word = format!("{name}-{number}");
        let wanted = word.clone();
        let write = store.shard(Bucket::new(0)).write(move |tx| {
            let word = wanted.clone();
            Box::pin(async move { add_word(tx, &word).await })
        });
        match write.await {
            Ok(()) => acknowledged.lock().unwrap().push((Instant::now(), word)),
            Err(StoreError::Unknown(_) | StoreError::Database(_) | StoreError::GivenUp(_)) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn longest_gap(acknowledged: &[(Instant, String)]) -> Duration {
    let mut times: Vec<Instant> = acknowledged.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Duration::MAX)
}

async fn words(store: &Store, node: usize) -> std::collections::HashSet<String> {
    let sql = format!("SELECT word FROM word WHERE word LIKE '{node}-%'");
    let select = Statement::from_string(sea_orm::DbBackend::MySql, sql);
    let rows = store.shard(Bucket::new(0)).read().query_all_raw(select).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

fn kill(node: usize) {
    let pid = fs::read_to_string(repository().join(format!(".cache/servers/galera/n{node}/pid"))).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

fn servers_up() {
    let mut command = Command::new(repository().join("scripts/servers"));
    assert!(command.args(["up", "galera"]).status().unwrap().success());
}
