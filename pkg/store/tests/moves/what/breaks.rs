//! A move is broken off and run again, taken back, or sent elsewhere.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
};

use fanone_config::Database;
use fanone_store::{
    StoreError,
    moving::{MoveError, Phase, Progress},
};

use super::world::{World, fill, snapshot};

/// Breaks off at the first, the second, … point at which the move tells of itself; to and fro, until it has no more points.
pub(crate) async fn broken_off_anywhere_and_run_again_it_ends_the_same(world: &World) {
    let mut now = world.shards(&["0-1023", ""]);
    let store = world.open(&now).await.unwrap();
    fill(&store, 260).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let mut points = 0;
    for (breaks, to) in (0..).zip([1, 0].into_iter().cycle()) {
        let count = AtomicUsize::new(0);
        let until = |_| match count.fetch_add(1, Ordering::SeqCst) {
            at if at < breaks => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        match world.move_watched(&now, 500..=1023, to, &until).await {
            Err(MoveError::BrokenOff) => {}
            done => {
                now = done.unwrap().database;
                points = breaks;
                break;
            }
        }
        assert_only_the_whole_is_accepted(world, &now, breaks).await;
        now = world.move_to(&now, 500..=1023, to).await.unwrap();
    }
    assert!(points > 20, "there were only {points} points");
    let store = world.open(&now).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
}

/// Once anything is marked, no settings are accepted until the move is finished.
async fn assert_only_the_whole_is_accepted(world: &World, old: &Database, breaks: usize) {
    match world.open(old).await {
        Ok(store) => {
            assert_eq!(breaks, 0, "the site starts on half a move");
            world.end(store).await;
        }
        Err(errors) => {
            let told =
                |error: &StoreError| matches!(error, StoreError::Moving { .. } | StoreError::Layout { .. });
            assert!(errors.iter().all(told), "{errors:?}");
        }
    }
}

/// The first copied rows of the second table are the point at which these moves change their minds.
fn in_the_middle(progress: Progress) -> ControlFlow<()> {
    match progress {
        Progress::Rows { phase: Phase::Copy, table: "pair", done: 1.., .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    }
}

pub(crate) async fn before_the_rows_are_handed_over_a_move_can_be_taken_back(world: &World) {
    let old = world.shards(&["0-1023", ""]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 40).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let broken = world.move_watched(&old, 512..=1023, 1, &in_the_middle).await;
    assert!(matches!(broken, Err(MoveError::BrokenOff)));
    assert!(world.count(&world.0[1], "thing").await > 0);
    let back = world.move_to(&old, 512..=1023, 0).await.unwrap();
    assert_eq!(back, old);
    let store = world.open(&old).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
    assert_eq!(world.count(&world.0[1], "thing").await, 0);
}

pub(crate) async fn a_move_can_go_elsewhere_and_leaves_nothing_on_the_way(world: &World) {
    let old = world.shards(&["0-1023", "", ""]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 40).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let broken = world.move_watched(&old, 512..=1023, 1, &in_the_middle).await;
    assert!(matches!(broken, Err(MoveError::BrokenOff)));
    // Another range than before: the rest of the first one stays marked.
    let some = world.move_to(&old, 512..=800, 2).await.unwrap();
    let refused = world.open(&some).await.err().unwrap();
    assert!(refused.iter().all(|error| matches!(error, StoreError::Moving { .. })), "{refused:?}");
    let new = world.move_to(&old, 801..=1023, 2).await.unwrap();
    let store = world.open(&new).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
    assert_eq!(world.count(&world.0[1], "thing").await, 0);
}
