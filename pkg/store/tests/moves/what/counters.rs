//! Batches of counters count once in every bucket, whatever is moved where between their arrivals.

use std::collections::BTreeMap;

use fanone_base::Id;
use fanone_config::Database;
use fanone_store::{OutboxEvent, Store, StoreError, Tx, inbox};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::world::{World, id};

/// Where there is something to count.
const BUCKETS: [u16; 8] = [0, 100, 300, 511, 512, 700, 900, 1023];

async fn count_up(tx: &Tx, events: Vec<OutboxEvent>) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    let sql = match backend {
        DbBackend::MySql => {
            "INSERT INTO counter (id, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = value + ?"
        }
        _ => "INSERT INTO counter (id, value) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = value + ?",
    };
    for event in events {
        let values = [event.entity.0.into(), event.delta.into(), event.delta.into()];
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

/// A database far away that sends batches.
struct Sender {
    source: &'static str,
    number: i64,
    events: Vec<OutboxEvent>,
    sent: BTreeMap<Id, i64>,
}

impl Sender {
    fn new(source: &'static str) -> Self {
        Self { source, number: 0, events: Vec::new(), sent: BTreeMap::new() }
    }

    /// Seals the next batch, with events of some of the buckets.
    fn seal(&mut self, random: &mut impl Rng) {
        self.number += 1;
        self.events.clear();
        for bucket in BUCKETS {
            if random.random_bool(0.7) {
                let (entity, delta) = (id(1, bucket), random.random_range(1..100));
                self.events.push(OutboxEvent::counter(1, entity, delta));
                *self.sent.entry(entity).or_default() += delta;
            }
        }
    }

    /// The batch arrives, but only the shards that `reached` accepts store it before everything stops.
    async fn deliver(&self, store: &Store, reached: impl Fn(usize) -> bool) {
        let there = |event: &&OutboxEvent| reached(store.index(event.entity.bucket()));
        let events = self.events.iter().filter(there).cloned().collect();
        inbox::apply(store, self.source, self.number, events, |tx, events| Box::pin(count_up(tx, events)))
            .await
            .unwrap();
    }
}

async fn values(store: &Store) -> BTreeMap<Id, i64> {
    let mut values = BTreeMap::new();
    for shard in store.shards() {
        let select = "SELECT id, value FROM counter";
        let select = Statement::from_string(shard.read().get_database_backend(), select);
        for row in shard.read().query_all_raw(select).await.unwrap() {
            values.insert(Id(row.try_get_by_index(0).unwrap()), row.try_get_by_index(1).unwrap());
        }
    }
    values
}

/// Batches arrive whole, in part and again; ranges are moved to and fro; in the end every counter is exact.
pub(crate) async fn batches_count_once_whatever_is_moved_between_their_arrivals(
    world: &World,
    seed: u64,
    moves: usize,
) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut database: Database = world.shards(&["0-399", "400-799", "800-1023"]);
    let mut senders = [Sender::new("a/1"), Sender::new("b/1")];
    let mut store = world.open(&database).await.unwrap();
    senders.iter_mut().for_each(|sender| sender.seal(&mut random));
    for _ in 0..moves {
        for sender in &mut senders {
            for _ in 0..random.random_range(0..3) {
                sender.deliver(&store, |_| true).await;
                sender.deliver(&store, |_| true).await;
                sender.seal(&mut random);
            }
            let reached: [bool; 3] = random.random();
            sender.deliver(&store, |shard| reached[shard]).await;
        }
        world.end(store).await;
        let first = random.random_range(0..1024);
        let buckets = first..=random.random_range(first..1024);
        database = world.move_to(&database, buckets, random.random_range(0..3)).await.unwrap();
        store = world.open(&database).await.unwrap();
    }
    let mut expected: BTreeMap<Id, i64> = BTreeMap::new();
    for sender in &senders {
        sender.deliver(&store, |_| true).await;
        sender.deliver(&store, |_| true).await;
        for (id, sent) in &sender.sent {
            *expected.entry(*id).or_default() += sent;
        }
    }
    assert_eq!(values(&store).await, expected, "seed {seed}");
    for sender in &mut senders {
        sender.seal(&mut random);
        sender.deliver(&store, |_| true).await;
    }
    world.end(store).await;
}
