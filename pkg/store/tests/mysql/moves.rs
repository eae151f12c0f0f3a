//! Moves of buckets between databases of a server, and between those and files.

use fanone_config::DatabaseUrl;

use crate::{
    common::Fresh,
    fresh,
    what::{breaks, counters, refusals, rows, world::World},
};

/// Databases of the server, as long as the first part of the answer is there.
async fn servers(count: usize) -> (Vec<Fresh>, World) {
    let mut databases = Vec::new();
    for _ in 0..count {
        databases.push(fresh().await);
    }
    let urls = databases.iter().map(url).collect();
    (databases, World(urls))
}

fn url(database: &Fresh) -> DatabaseUrl {
    database.database().shards.swap_remove(0).urls.swap_remove(0)
}

async fn drop_all(databases: Vec<Fresh>) {
    for database in databases {
        database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_arrives_the_same_and_only_the_range_moves() {
    let (databases, world) = servers(2).await;
    rows::every_value_arrives_the_same_and_only_the_range_moves(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_can_be_emptied_and_is_refused_with_what_it_held() {
    let (databases, world) = servers(2).await;
    rows::a_database_can_be_emptied_and_is_refused_with_what_it_held(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_several_shards_come_together() {
    let (databases, world) = servers(3).await;
    rows::buckets_of_several_shards_come_together(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_anywhere_and_run_again_it_ends_the_same() {
    let (databases, world) = servers(2).await;
    breaks::broken_off_anywhere_and_run_again_it_ends_the_same(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_rows_are_handed_over_a_move_can_be_taken_back() {
    let (databases, world) = servers(2).await;
    breaks::before_the_rows_are_handed_over_a_move_can_be_taken_back(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_can_go_elsewhere_and_leaves_nothing_on_the_way() {
    let (databases, world) = servers(3).await;
    breaks::a_move_can_go_elsewhere_and_leaves_nothing_on_the_way(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_when_a_row_differs() {
    let (databases, world) = servers(2).await;
    refusals::nothing_is_deleted_when_a_row_differs(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_site_is_noticed() {
    let (databases, world) = servers(2).await;
    refusals::a_running_site_is_noticed(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_arrive_in_order_must_arrive_first() {
    let (databases, world) = servers(2).await;
    refusals::what_must_arrive_in_order_must_arrive_first(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_do_not_fit_are_refused() {
    let (databases, world) = servers(3).await;
    refusals::databases_that_do_not_fit_are_refused(&world).await;
    drop_all(databases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let (databases, world) = servers(2).await;
    refusals::a_newer_schema_is_refused(&world).await;
    drop_all(databases).await;
}

/// The file is the first database, or the second.
async fn mixture(file_first: bool) -> (Fresh, tempfile::TempDir, World) {
    let (database, folder) = (fresh().await, tempfile::tempdir().unwrap());
    let mut urls = vec![url(&database), DatabaseUrl::sqlite(folder.path().join("0.db"))];
    if file_first {
        urls.reverse();
    }
    (database, folder, World(urls))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_from_a_server_to_a_file_and_back() {
    for file_first in [false, true] {
        let (database, _folder, world) = mixture(file_first).await;
        rows::every_value_arrives_the_same_and_only_the_range_moves(&world).await;
        database.drop().await;
    }
    let (database, _folder, world) = mixture(true).await;
    breaks::broken_off_anywhere_and_run_again_it_ends_the_same(&world).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_count_once_whatever_is_moved_between_their_arrivals() {
    let (databases, world) = servers(3).await;
    counters::batches_count_once_whatever_is_moved_between_their_arrivals(&world, 1, 6).await;
    drop_all(databases).await;
}
