//! What a move refuses, and what it leaves alone then.

use std::ops::ControlFlow;

use fanone_base::Bucket;
use fanone_config::DatabaseUrl;
use fanone_store::{
    Options, OutboxEvent, Store, StoreError,
    moving::{MoveError, Plan, Progress, run},
    outbox,
};

use super::world::{TABLES, World, fill, id, options, snapshot};

/// A trigger changes a row on its arrival.
pub(crate) async fn nothing_is_deleted_when_a_row_differs(world: &World) {
    let old = world.shards(&["0-1023", ""]);
    let store = world.open(&old).await.unwrap();
    fill(&store, 30).await;
    let before = snapshot(&store).await;
    world.end(store).await;
    let spoil = match &world.0[1] {
        DatabaseUrl::Sqlite(_) => {
            "CREATE TRIGGER spoil AFTER INSERT ON pair WHEN NEW.id = 7 BEGIN \
             UPDATE pair SET id = 7777 WHERE owner = NEW.owner AND kind = NEW.kind AND id = NEW.id; END"
        }
        DatabaseUrl::Mysql(_) => {
            "CREATE TRIGGER spoil BEFORE INSERT ON pair FOR EACH ROW SET NEW.id = IF(NEW.id = 7, 7777, NEW.id)"
        }
    };
    world.execute(&world.0[1], spoil).await;
    let no_deletion = |progress: Progress| {
        assert!(!matches!(progress, Progress::Rows { phase: fanone_store::moving::Phase::Delete, .. }));
        ControlFlow::Continue(())
    };
    let refused = world.move_watched(&old, 512..=1023, 1, &no_deletion).await;
    assert!(matches!(refused, Err(MoveError::Differs { table: "pair", .. })), "{refused:?}");
    assert_eq!(world.count(&world.0[0], "pair").await, 30 * 6);
    let refused = world.open(&old).await.err().unwrap();
    assert!(matches!(refused[0], StoreError::Moving { .. }), "{refused:?}");
    world.execute(&world.0[1], "DROP TRIGGER spoil").await;
    let new = world.move_to(&old, 512..=1023, 1).await.unwrap();
    let store = world.open(&new).await.unwrap();
    assert_eq!(snapshot(&store).await, before);
    world.end(store).await;
}

pub(crate) async fn a_running_site_is_noticed(world: &World) {
    let old = world.shards(&["0-1023", ""]);
    let store = world.open(&old).await.unwrap();
    let refused = world.move_to(&old, 0..=9, 1).await.unwrap_err();
    assert!(matches!(refused, MoveError::InUse { .. }), "{refused}");
    world.end(store).await;
    world.move_to(&old, 0..=9, 1).await.unwrap();
}

pub(crate) async fn what_must_arrive_in_order_must_arrive_first(world: &World) {
    let old = world.shards(&["0-1023", ""]);
    let store = world.open(&old).await.unwrap();
    let events = [
        OutboxEvent { kind: 7, entity: id(1, 600), delta: 1, payload: Some(vec![1]) },
        OutboxEvent { kind: 8, entity: id(1, 700), delta: 0, payload: None },
        OutboxEvent::counter(1, id(1, 5), 1),
    ];
    let write = store.shard(Bucket::new(0)).write(move |tx| {
        let events = events.clone();
        Box::pin(async move { outbox::record(tx, "there", &events).await })
    });
    write.await.unwrap();
    world.end(store).await;
    let refused = world.move_to(&old, 500..=800, 1).await.unwrap_err();
    assert!(matches!(refused, MoveError::OnTheWay { count: 2, .. }), "{refused}");
    let store = world.open(&old).await.unwrap();
    world.end(store).await;
    world.move_to(&old, 0..=10, 1).await.unwrap();
}

pub(crate) async fn databases_that_do_not_fit_are_refused(world: &World) {
    let one = world.shards(&["0-1023"]);
    let store = world.open(&one).await.unwrap();
    fill(&store, 2).await;
    world.end(store).await;

    // Another service's.
    let other = Options { namespace: "other", ..options() };
    let second = fanone_config::Database::single(world.0[1].clone());
    Store::migrate(&second, &other, |_| {}).await.unwrap();
    let refused = world.move_to(&one, 0..=9, 1).await.unwrap_err();
    assert!(matches!(refused, MoveError::WrongRole { .. }), "{refused}");
    assert!(world.open(&one).await.is_ok(), "nothing has happened");

    // Two that hold the same.
    world.end(world.open(&one).await.unwrap()).await;
    let third = fanone_config::Database::single(world.0[2].clone());
    let store = world.open(&third).await.unwrap();
    fill(&store, 1).await;
    world.end(store).await;
    let refused = world.move_to(&one, 0..=9, 2).await.unwrap_err();
    assert!(matches!(refused, MoveError::Two { .. }), "{refused}");

    // One without any row may have got what it says from settings that came too early.
    for table in ["thing", "pair"] {
        world.execute(&world.0[2], &format!("DELETE FROM {table}")).await;
    }
    let new = world.move_to(&one, 0..=9, 2).await.unwrap();
    assert_eq!(new.shards.iter().map(|it| it.buckets.to_string()).collect::<Vec<_>>(), ["10-1023", "0-9"]);

    // Settings that leave out who has the rows.
    let refused = world.move_to(&third, 500..=600, 2).await.unwrap_err();
    assert!(matches!(refused, MoveError::Nobody { .. }), "{refused}");
}

/// A database that knows more than this program would lose what this program doesn't know.
pub(crate) async fn a_newer_schema_is_refused(world: &World) {
    let one = world.shards(&["0-1023"]);
    world.end(world.open(&one).await.unwrap()).await;
    let insert = "INSERT INTO migration (component, number, name, applied_at) VALUES ('test', 2, 'later', 1)";
    world.execute(&world.0[0], insert).await;
    world.end(world.open(&one).await.unwrap()).await;
    let options = options();
    let plan = Plan { database: &one, options: &options, tables: TABLES, buckets: &(0..=9), to: &world.0[1] };
    let refused = run(&plan, &|_| ControlFlow::Continue(())).await.unwrap_err();
    assert!(matches!(refused, MoveError::Store(StoreError::TooNew { found: 2, known: 1, .. })), "{refused}");
}
