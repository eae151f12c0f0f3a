//! Events that leave with the transaction that caused them, and travel in sealed, numbered batches.
//!
//! ```text
//!  change + events ──► outbox rows ──seal──► batch n ──send──► receiver ──answer──► rows deleted
//!  (one transaction)                 (rows marked)   (again until answered)        (n is sent)
//! ```
//!
//! A batch never changes once it is sealed, and batch n + 1 is sealed only after n was answered. So
//! whatever crashes where: the same batch is sent again, and the receiver, who recorded its number
//! together with its effect, knows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use fanone_base::{Id, time};
use fanone_telemetry::{
    names,
    trace::{self, LINKS_MAX},
};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use crate::{Shard, StoreError, Tx, inserted};

/// Rows named in one statement: below what every database takes.
const CHUNK: usize = 500;

/// Something that another database must hear of exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// What changes; the receiver knows the numbers.
    pub kind: i32,
    /// Whose number changes.
    pub entity: Id,
    /// By how much.
    pub delta: i64,
    /// More than a number. Such events are never summed up.
    pub payload: Option<Vec<u8>>,
}

impl OutboxEvent {
    /// A counter of `entity` moves by `delta`.
    pub fn counter(kind: i32, entity: Id, delta: i64) -> Self {
        Self { kind, entity, delta, payload: None }
    }
}

/// A sealed batch on its way.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The shard that sends it.
    pub source: String,
    /// From 1; each batch of a source to a destination has the next one.
    pub number: i64,
    /// What happened: counters summed up by kind and entity, the others in the order they happened.
    pub events: Vec<OutboxEvent>,
}

/// A batch that could not be delivered; it will be sent again.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError<E: std::error::Error + 'static> {
    /// On our side.
    #[error("outbox")]
    Store(#[from] StoreError),
    /// On the way, or on the other side.
    #[error("the receiver did not take the batch")]
    Send(#[source] E),
}

/// Adds `events` for `destination` to the transaction that causes them.
pub async fn record(
    transaction: &Tx,
    destination: &'static str,
    events: &[OutboxEvent],
) -> Result<(), StoreError> {
    let now = time::now_ms();
    let trace = trace::current().map(|context| context.traceparent());
    for chunk in events.chunks(CHUNK / 7) {
        let rows = vec!["(?, 0, ?, ?, ?, ?, ?, ?)"; chunk.len()].join(", ");
        let values = chunk.iter().flat_map(|event| -> [Value; 7] {
            [
                destination.into(),
                event.kind.into(),
                event.entity.0.into(),
                event.delta.into(),
                event.payload.clone().into(),
                now.into(),
                trace.clone().into(),
            ]
        });
        let sql = format!(
            "INSERT INTO outbox (destination, batch, kind, entity_id, delta, payload, created_at, trace) VALUES {rows}"
        );
        let insert = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
        transaction.execute_raw(insert).await?;
    }
    Ok(())
}

/// Whether nothing of a shard waits for `destination`.
pub async fn is_empty(shard: &Shard, destination: &'static str) -> Result<bool, StoreError> {
    let select = Statement::from_sql_and_values(
        shard.read().get_database_backend(),
        "SELECT 1 FROM outbox WHERE destination = ? LIMIT 1",
        [destination.into()],
    );
    Ok(shard.read().query_one_raw(select).await?.is_none())
}

/// Seals and sends batches of at most `limit` rows until nothing is left for `destination`, and
/// answers how many events went out. Should two deliveries run at once, they send the same batches, which count once.
pub async fn deliver<E, F, Sent>(
    shard: &Shard,
    destination: &'static str,
    limit: u32,
    send: F,
) -> Result<u64, DeliverError<E>>
where
    E: std::error::Error + 'static,
    F: Fn(Batch) -> Sent,
    Sent: Future<Output = Result<(), E>>,
{
    let mut delivered = 0;
    loop {
        report_lag(shard, destination).await?;
        let Some(number) = seal(shard, destination, limit).await? else {
            return Ok(delivered);
        };
        let (events, traces) = rows_of(shard, destination, number).await?;
        let events = sum_up(events);
        delivered += events.len() as u64;
        let mut span = trace::of_batch(&format!("fanone.{}", shard.namespace()), &traces);
        span.rename("batch");
        span.set("messaging.destination.name", destination);
        let batch = Batch { source: shard.source().to_owned(), number, events };
        let sent = trace::within(span.context(), send(batch)).await;
        if sent.is_err() {
            span.fail("the batch was not taken");
        }
        drop(span);
        sent.map_err(DeliverError::Send)?;
        forget(shard, destination, number).await?;
    }
}

/// The number of the batch to send now: the open one, or a new one; none if there is nothing.
async fn seal(shard: &Shard, destination: &'static str, limit: u32) -> Result<Option<i64>, StoreError> {
    let progress = Progress::read(shard.read(), destination, Lock::No).await?;
    if let Some(number) = progress.and_then(Progress::open_batch) {
        return Ok(Some(number));
    }
    shard.write_idempotent(move |tx| Box::pin(seal_next(tx, destination, limit))).await
}

/// The last batch that was sealed, and the last that was answered; at most one lies between them.
#[derive(Clone, Copy)]
struct Progress {
    sealed: i64,
    sent: i64,
}

/// Whether a row is kept from others until the transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Yes,
    No,
}

impl Progress {
    async fn read(
        connection: &impl ConnectionTrait,
        destination: &str,
        lock: Lock,
    ) -> Result<Option<Self>, StoreError> {
        let backend = connection.get_database_backend();
        let sql = match (lock, backend) {
            (Lock::Yes, DbBackend::MySql) => {
                "SELECT sealed, sent FROM outbox_batch WHERE destination = ? FOR UPDATE"
            }
            // SQLite has one writer.
            _ => "SELECT sealed, sent FROM outbox_batch WHERE destination = ?",
        };
        let select = Statement::from_sql_and_values(backend, sql, [destination.into()]);
        let row = connection.query_one_raw(select).await?;
        let read =
            |row: QueryResult| Ok(Self { sealed: row.try_get_by_index(0)?, sent: row.try_get_by_index(1)? });
        row.map(read).transpose()
    }

    fn open_batch(self) -> Option<i64> {
        (self.sealed > self.sent).then_some(self.sealed)
    }
}

async fn seal_next(tx: &Tx, destination: &'static str, limit: u32) -> Result<Option<i64>, StoreError> {
    let backend = tx.get_database_backend();
    // Read again, and locked: what was read outside the transaction may have changed since.
    let progress = match Progress::read(tx, destination, Lock::Yes).await? {
        Some(progress) => progress,
        None => begin(tx, destination).await?,
    };
    if let Some(number) = progress.open_batch() {
        return Ok(Some(number));
    }
    let number = progress.sealed + 1;
    let select = Statement::from_sql_and_values(
        backend,
        "SELECT id FROM outbox WHERE destination = ? AND batch = 0 ORDER BY id LIMIT ?",
        [destination.into(), limit.into()],
    );
    let rows = tx.query_all_raw(select).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    if ids.is_empty() {
        return Ok(None);
    }
    for chunk in ids.chunks(CHUNK) {
        let sql = format!("UPDATE outbox SET batch = ? WHERE id IN ({})", vec!["?"; chunk.len()].join(", "));
        let values = std::iter::once(Value::from(number)).chain(chunk.iter().map(|id| Value::from(*id)));
        tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    let open = "UPDATE outbox_batch SET sealed = ? WHERE destination = ?";
    tx.execute_raw(Statement::from_sql_and_values(backend, open, [number.into(), destination.into()]))
        .await?;
    Ok(Some(number))
}

/// The row of a destination to which nothing was ever sent, made now by us or by somebody else.
async fn begin(tx: &Tx, destination: &'static str) -> Result<Progress, StoreError> {
    let sql = "INSERT INTO outbox_batch (sealed, sent, destination) VALUES (0, 0, ?)";
    let insert = Statement::from_sql_and_values(tx.get_database_backend(), sql, [destination.into()]);
    inserted(tx.execute_raw(insert).await)?;
    let made = Progress::read(tx, destination, Lock::Yes).await?;
    made.ok_or(StoreError::GivenUp("the outbox has no row for its destination"))
}

/// The events of a batch, and the traces of some of them.
async fn rows_of(
    shard: &Shard,
    destination: &str,
    number: i64,
) -> Result<(Vec<OutboxEvent>, Vec<String>), StoreError> {
    let select = Statement::from_sql_and_values(
        shard.read().get_database_backend(),
        "SELECT kind, entity_id, delta, payload, trace FROM outbox WHERE destination = ? AND batch = ? ORDER BY id",
        [destination.into(), number.into()],
    );
    let rows = shard.read().query_all_raw(select).await?;
    let events = rows.iter().map(event_of).collect::<Result<_, _>>()?;
    let traces = rows.iter().filter_map(|row| row.try_get_by_index::<Option<String>>(4).transpose());
    let mut traces = traces.take(LINKS_MAX).collect::<Result<Vec<_>, _>>()?;
    // Events of one transaction have one span.
    traces.dedup();
    Ok((events, traces))
}

fn event_of(row: &QueryResult) -> Result<OutboxEvent, StoreError> {
    Ok(OutboxEvent {
        kind: row.try_get_by_index(0)?,
        entity: Id(row.try_get_by_index(1)?),
        delta: row.try_get_by_index(2)?,
        payload: row.try_get_by_index(3)?,
    })
}

/// One event for each counter that moved; the others stay as they are, in order, after them.
fn sum_up(events: Vec<OutboxEvent>) -> Vec<OutboxEvent> {
    let mut sums: BTreeMap<(i32, Id), i64> = BTreeMap::new();
    let mut others = Vec::new();
    for event in events {
        if event.payload.is_some() || event.delta == 0 {
            others.push(event);
        } else {
            *sums.entry((event.kind, event.entity)).or_default() += event.delta;
        }
    }
    let counters = sums.into_iter().filter(|(_, delta)| *delta != 0);
    counters.map(|((kind, entity), delta)| OutboxEvent::counter(kind, entity, delta)).chain(others).collect()
}

/// Batch `number` has arrived.
async fn forget(shard: &Shard, destination: &'static str, number: i64) -> Result<(), StoreError> {
    shard
        .write_idempotent(move |tx| {
            Box::pin(async move {
                let backend = tx.get_database_backend();
                let values = [Value::from(destination), Value::from(number)];
                let delete = "DELETE FROM outbox WHERE destination = ? AND batch = ?";
                tx.execute_raw(Statement::from_sql_and_values(backend, delete, values)).await?;
                let values = [Value::from(number), Value::from(destination), Value::from(number)];
                let sent = "UPDATE outbox_batch SET sent = ? WHERE destination = ? AND sent < ?";
                tx.execute_raw(Statement::from_sql_and_values(backend, sent, values)).await?;
                Ok(())
            })
        })
        .await
}

/// How far behind the receiver is, in seconds and (up to a limit) in events.
async fn report_lag(shard: &Shard, destination: &'static str) -> Result<(), StoreError> {
    /// So many rows are read for every batch that is sent.
    const COUNTED_MAX: i64 = 10_000;
    let backend = shard.read().get_database_backend();
    let select = Statement::from_sql_and_values(
        backend,
        "SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM \
         (SELECT created_at FROM outbox WHERE destination = ? ORDER BY batch, id LIMIT ?) AS waiting",
        [destination.into(), COUNTED_MAX.into()],
    );
    let (mut waiting, mut oldest) = (0_i64, 0_i64);
    if let Some(row) = shard.read().query_one_raw(select).await? {
        (waiting, oldest) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    let lag_ms = if waiting == 0 { 0 } else { (time::now_ms() - oldest).max(0) };
    shard.backlog().note(destination);
    show_lag(shard, destination, waiting as f64, lag_ms as f64 / 1000.0);
    Ok(())
}

fn show_lag(shard: &Shard, destination: &'static str, waiting: f64, lag_s: f64) {
    let labels = [
        ("source", shard.namespace().to_owned()),
        ("shard", shard.place().to_string()),
        ("destination", destination.to_owned()),
    ];
    metrics::gauge!(names::OUTBOX_PENDING_EVENTS, &labels).set(waiting);
    metrics::gauge!(names::OUTBOX_LAG, &labels).set(lag_s);
}

/// The destinations whose lag a job shows. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Backlog(Arc<Mutex<BTreeSet<&'static str>>>);

impl Backlog {
    fn note(&self, destination: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(destination);
    }

    /// Another process goes on with the job and shows how far it is: what was shown here is true no more.
    pub(crate) fn leave_to_others(&self, shard: &Shard) {
        let shown = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        shown.into_iter().for_each(|destination| show_lag(shard, destination, 0.0, 0.0));
    }
}
