//! Moves between databases of a server, and between those and files.

use fanone_config::DatabaseUrl;

use crate::{
    server::Databases,
    what::{breaks, counters, refusals, rows, world::World},
};

/// Databases of a server.
async fn servers(count: usize) -> (Databases, World) {
    let databases = Databases::create(count).await;
    let urls = (0..count).map(|place| databases.url(place)).collect();
    (databases, World(urls))
}

/// A database of a server and a file; the server's comes first if `server_first`.
async fn mixture(server_first: bool) -> (Databases, tempfile::TempDir, World) {
    let databases = Databases::create(1).await;
    let folder = tempfile::tempdir().unwrap();
    let mut urls = vec![databases.url(0), DatabaseUrl::sqlite(folder.path().join("0.db"))];
    if !server_first {
        urls.reverse();
    }
    (databases, folder, World(urls))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_arrives_the_same_and_only_the_range_moves() {
    let (_databases, world) = servers(2).await;
    rows::every_value_arrives_the_same_and_only_the_range_moves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_can_be_emptied_and_is_refused_with_what_it_held() {
    let (_databases, world) = servers(2).await;
    rows::a_database_can_be_emptied_and_is_refused_with_what_it_held(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_several_shards_come_together() {
    let (_databases, world) = servers(3).await;
    rows::buckets_of_several_shards_come_together(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_anywhere_and_run_again_it_ends_the_same() {
    let (_databases, world) = servers(2).await;
    breaks::broken_off_anywhere_and_run_again_it_ends_the_same(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_rows_are_handed_over_a_move_can_be_taken_back() {
    let (_databases, world) = servers(2).await;
    breaks::before_the_rows_are_handed_over_a_move_can_be_taken_back(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_can_go_elsewhere_and_leaves_nothing_on_the_way() {
    let (_databases, world) = servers(3).await;
    breaks::a_move_can_go_elsewhere_and_leaves_nothing_on_the_way(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_when_a_row_differs() {
    let (_databases, world) = servers(2).await;
    refusals::nothing_is_deleted_when_a_row_differs(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_site_is_noticed() {
    let (_databases, world) = servers(2).await;
    refusals::a_running_site_is_noticed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_arrive_in_order_must_arrive_first() {
    let (_databases, world) = servers(2).await;
    refusals::what_must_arrive_in_order_must_arrive_first(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_do_not_fit_are_refused() {
    let (_databases, world) = servers(3).await;
    refusals::databases_that_do_not_fit_are_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let (_databases, world) = servers(2).await;
    refusals::a_newer_schema_is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_from_a_server_to_a_file_and_back() {
    for server_first in [true, false] {
        let (_databases, _folder, world) = mixture(server_first).await;
        rows::every_value_arrives_the_same_and_only_the_range_moves(&world).await;
    }
    let (_databases, _folder, world) = mixture(false).await;
    breaks::broken_off_anywhere_and_run_again_it_ends_the_same(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_count_once_whatever_is_moved_between_their_arrivals() {
    let (_databases, world) = servers(3).await;
    counters::batches_count_once_whatever_is_moved_between_their_arrivals(&world, 1, 6).await;
}
