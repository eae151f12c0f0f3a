//! Rows arrive as they were, and only those that were to be moved.

use std::{ops::ControlFlow, sync::Mutex};

use fanone_store::{
    StoreError,
    moving::{Phase, Progress},
};

use super::world::{World, fill, snapshot};

/// Half of the buckets, to a database that is new.
pub(crate) async fn every_value_arrives_the_same_and_only_the_range_moves(world: &World) {
    let old = world.shards(&["0-1023"]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 260).await;
    let before = snapshot(&store).await;
    world.end(store).await;

    let seen = Mutex::new(Vec::new());
    let watch = |progress| {
        seen.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    let moved = world.move_watched(&old, 512..=1023, 1, &watch).await.unwrap();
    assert_eq!(moved.idle, [false, false]);
    let rows = |phase| {
        let all = |progress: &Progress| matches!(progress, Progress::Rows { phase: it, table: "thing", done: 780, total: 780 } if *it == phase);
        seen.lock().unwrap().iter().any(all)
    };
    assert!(rows(Phase::Copy) && rows(Phase::Check) && rows(Phase::Delete), "{seen:?}");

    let refused = world.open(&old).await.err().unwrap();
    assert!(matches!(refused[..], [StoreError::Layout { .. }]), "{refused:?}");
    let new = moved.database;
    let ranges: Vec<String> = new.shards.iter().map(|shard| shard.buckets.to_string()).collect();
    assert_eq!(ranges, ["0-511", "512-1023"]);
    let store = world.open(&new).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
    for (place, wrong) in [(0, "BETWEEN 512 AND 1023"), (1, "BETWEEN 0 AND 511")] {
        for (table, column) in [("thing", "id"), ("pair", "owner")] {
            let left = format!("{table} WHERE ({column} & 1023) {wrong}");
            assert_eq!(world.count(&world.0[place], &left).await, 0, "{left}");
        }
    }
    if world.0[1].is_embedded() {
        // A file takes anything into any column.
        let other =
            "thing WHERE typeof(data) <> 'blob' OR typeof(content) <> 'text' OR typeof(small) <> 'integer'";
        assert_eq!(world.count(&world.0[1], other).await, 0);
    }
}

/// One database after the other, until the first has nothing; and into one that has rows already.
pub(crate) async fn a_database_can_be_emptied_and_is_refused_with_what_it_held(world: &World) {
    let old = world.shards(&["0-1023"]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 20).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let halves = world.move_to(&old, 0..=599, 1).await.unwrap();
    let go_on = |_| ControlFlow::Continue(());
    let moved = world.move_watched(&halves, 0..=1023, 1, &go_on).await.unwrap();
    let ranges: Vec<String> = moved.database.shards.iter().map(|shard| shard.buckets.to_string()).collect();
    assert_eq!((ranges, moved.idle), (vec![String::new(), "0-1023".to_owned()], vec![true, false]));
    for wrong in [&old, &halves] {
        let refused = world.open(wrong).await.err().unwrap();
        assert!(refused.iter().all(|error| matches!(error, StoreError::Layout { .. })), "{refused:?}");
    }
    let store = world.open(&moved.database).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
}

/// A list of three shards, of which two give something to the third.
pub(crate) async fn buckets_of_several_shards_come_together(world: &World) {
    let old = world.shards(&["0-399", "400-799", "800-1023"]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 30).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let new = world.move_to(&old, 100..=1000, 2).await.unwrap();
    let ranges: Vec<String> = new.shards.iter().map(|shard| shard.buckets.to_string()).collect();
    assert_eq!(ranges, ["0-99", "", "100-1023"]);
    let store = world.open(&new).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
}
