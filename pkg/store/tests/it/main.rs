//! The store against real SQLite files.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod batches;
mod shards;
mod transactions;

use fanone_store::{Migration, Step, Store};

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "counters",
    step: Step::Expand,
    statements: &[
        "CREATE TABLE counter (id {key}, value BIGINT NOT NULL)",
        "CREATE TABLE word (word VARCHAR(20) NOT NULL PRIMARY KEY)",
    ],
}];

/// A store of `shards` files in a folder that lives as long as the first part of the answer.
async fn store_of(shards: usize) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = reopen(&folder, shards).await;
    (folder, store)
}

async fn reopen(folder: &tempfile::TempDir, shards: usize) -> Store {
    let paths: Vec<_> = (0..shards).map(|n| folder.path().join(format!("{n}.db"))).collect();
    Store::embedded("test", &paths, MIGRATIONS).await.unwrap()
}
