//! One after the other.

use fanone_config::DatabaseUrl;

use crate::what::{breaks, counters, refusals, rows, world::World};

/// New databases in a folder that lives as long as the first part of the answer.
fn files(count: usize) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let url = |number| DatabaseUrl::sqlite(folder.path().join(format!("{number}.db")));
    let urls = (0..count).map(url).collect();
    (folder, World(urls))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_arrives_the_same_and_only_the_range_moves() {
    let (_folder, world) = files(2);
    rows::every_value_arrives_the_same_and_only_the_range_moves(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_can_be_emptied_and_is_refused_with_what_it_held() {
    let (_folder, world) = files(2);
    rows::a_database_can_be_emptied_and_is_refused_with_what_it_held(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_several_shards_come_together() {
    let (_folder, world) = files(3);
    rows::buckets_of_several_shards_come_together(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_anywhere_and_run_again_it_ends_the_same() {
    let (_folder, world) = files(2);
    breaks::broken_off_anywhere_and_run_again_it_ends_the_same(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_rows_are_handed_over_a_move_can_be_taken_back() {
    let (_folder, world) = files(2);
    breaks::before_the_rows_are_handed_over_a_move_can_be_taken_back(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_can_go_elsewhere_and_leaves_nothing_on_the_way() {
    let (_folder, world) = files(3);
    breaks::a_move_can_go_elsewhere_and_leaves_nothing_on_the_way(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_when_a_row_differs() {
    let (_folder, world) = files(2);
    refusals::nothing_is_deleted_when_a_row_differs(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_site_is_noticed() {
    let (_folder, world) = files(2);
    refusals::a_running_site_is_noticed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_arrive_in_order_must_arrive_first() {
    let (_folder, world) = files(2);
    refusals::what_must_arrive_in_order_must_arrive_first(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_do_not_fit_are_refused() {
    let (_folder, world) = files(3);
    refusals::databases_that_do_not_fit_are_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let (_folder, world) = files(2);
    refusals::a_newer_schema_is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_count_once_whatever_is_moved_between_their_arrivals() {
    for seed in 1..=4 {
        let (_folder, world) = files(3);
        counters::batches_count_once_whatever_is_moved_between_their_arrivals(&world, seed, 12).await;
    }
}
