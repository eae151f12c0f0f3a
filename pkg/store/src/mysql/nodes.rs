//! The nodes of one shard: the first that works is used, by reads and writes alike, until it fails.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool::managed::Pool;
use fanone_config::Connections;
use fanone_telemetry::names;
use metrics::Counter;
use sea_orm::{DbErr, QueryResult, Statement, sqlx::mysql::MySqlConnectOptions};

use super::{
    Trouble,
    connection::{Connector, Lent, acquire, pool},
    explain,
};
use crate::{
    StoreError,
    metric::{Counts, Durations},
};

/// How often an operation goes on to another connection before it gives up.
const ATTEMPTS: u32 = 4;
/// Between two attempts on a cluster whose nodes are all busy finding each other.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is asked whether an earlier node is back.
const RETURN_INTERVAL: Duration = Duration::from_secs(10);
/// How often the connections are counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(2);

/// The nodes of a shard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Nodes(Arc<Shared>);

struct Shared {
    namespace: &'static str,
    nodes: Vec<Node>,
    /// The place of the node in use.
    current: AtomicUsize,
    limits: Connections,
    timeouts: Counter,
}

struct Node {
    place: String,
    pool: Pool<Connector>,
}

/// A connection, and the node that it goes to.
pub(crate) struct Borrowed {
    pub(crate) connection: Lent,
    node: usize,
}

impl Nodes {
    /// Connects to nothing yet.
    pub(crate) fn new(
        namespace: &'static str,
        nodes: Vec<MySqlConnectOptions>,
        limits: &Connections,
        durations: &Durations,
    ) -> Self {
        let node = |options: MySqlConnectOptions| Node {
            place: format!("{}:{}", options.get_host(), options.get_port()),
            pool: pool(options, limits, durations),
        };
        let nodes = nodes.into_iter().map(node).collect();
        let current = AtomicUsize::default();
        let timeouts = metrics::counter!(names::DB_CLIENT_CONNECTION_TIMEOUTS, "db_namespace" => namespace);
        Self(Arc::new(Shared { namespace, nodes, current, limits: limits.clone(), timeouts }))
    }

    pub(crate) fn namespace(&self) -> &'static str {
        self.0.namespace
    }

    pub(crate) fn limits(&self) -> &Connections {
        &self.0.limits
    }

    /// Whether any node can be used, for the start: what to look at if none can.
    pub(crate) async fn reach(&self, place: &str) -> Result<(), StoreError> {
        match self.acquire().await {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Unreachable { place: place.to_owned(), reason: explain(&error) }),
        }
    }

    /// A connection to the present node. One that can't be reached is left for the next.
    pub(crate) async fn acquire(&self) -> Result<Borrowed, DbErr> {
        let mut attempt = 1;
        loop {
            let node = self.0.current.load(Ordering::Relaxed);
            let Some(Node { pool, .. }) = self.0.nodes.get(node) else {
                return Err(DbErr::Custom("a shard has no node".to_owned()));
            };
            match acquire(pool).await {
                Ok(connection) => return Ok(Borrowed { connection, node }),
                Err(error) if self.0.nodes.len() > 1 && attempt < ATTEMPTS => {
                    self.leave(node, &error);
                    attempt += 1;
                }
                Err(error) => {
                    self.0.timeouts.increment(1);
                    return Err(error);
                }
            }
        }
    }

    /// Another node is to be used instead of the one of this connection, unless there is only one.
    pub(crate) fn leave_behind(&self, borrowed: &Borrowed, error: &DbErr) {
        self.leave(borrowed.node, error);
    }

    fn leave(&self, node: usize, error: &DbErr) {
        let Shared { namespace, nodes, current, .. } = &*self.0;
        let next = (node + 1) % nodes.len().max(1);
        // Of many that notice at once, one moves on.
        let moved = current.compare_exchange(node, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if moved && next != node {
            let place = |index: usize| nodes.get(index).map(|node| node.place.as_str()).unwrap_or_default();
            tracing::warn!(namespace, from = place(node), to = place(next), %error, "database.node_changed");
        }
    }

    /// Runs a statement that only reads; again if its connection broke.
    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut attempt = 1;
        loop {
            let error = match self.query_once(&statement).await {
                Ok(rows) => return Ok(rows),
                Err(error) => error,
            };
            if Trouble::of(&error).is_none() || attempt == ATTEMPTS {
                return Err(error);
            }
            if attempt > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            attempt += 1;
        }
    }

    async fn query_once(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut borrowed = self.acquire().await?;
        let limit = self.0.limits.transaction_timeout();
        let result = match tokio::time::timeout(limit, borrowed.connection.query(statement)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(super::trouble::no_answer(limit)),
        };
        if let Err(error) = &result
            && matches!(Trouble::of(error), Some(Trouble::Lost | Trouble::NotReady))
        {
            borrowed.connection.give_up();
            self.leave_behind(&borrowed, error);
        }
        result
    }

    /// Counts the connections, as those of the shard at `place`, and goes back to an earlier node once it works again, for
    /// as long as somebody else holds these nodes.
    pub(crate) fn watch(&self, place: usize) {
        let counts = Counts::of(self.0.namespace, place);
        counts.max.set(f64::from(self.0.limits.connections_max));
        self.every(COUNT_INTERVAL, move |nodes| {
            counts.set(nodes.0.nodes.iter().map(|node| node.pool.status()));
            ready(())
        });
        if self.0.nodes.len() > 1 {
            self.every(RETURN_INTERVAL, |nodes| async move { nodes.return_to_first().await });
        }
    }

    /// Does `what` every `interval`, for as long as somebody else holds these nodes.
    pub(crate) fn every<F>(&self, interval: Duration, what: impl Fn(Self) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let shared = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(shared) = shared.upgrade() else { return };
                what(Self(shared)).await;
            }
        });
    }

    async fn return_to_first(&self) {
        let Shared { namespace, nodes, current, .. } = &*self.0;
        let seen = current.load(Ordering::Relaxed);
        for (index, node) in nodes.iter().enumerate().take(seen) {
            if is_synced(&node.pool).await {
                // Unless it has changed meanwhile.
                let _ = current.compare_exchange(seen, index, Ordering::Relaxed, Ordering::Relaxed);
                tracing::info!(namespace, to = node.place, "database.node_back");
                return;
            }
        }
    }
}

/// Whether a node takes part again: Galera's state 4, or no cluster at all.
async fn is_synced(pool: &Pool<Connector>) -> bool {
    let ask = async {
        let mut connection = acquire(pool).await?;
        let sql = "SHOW STATUS LIKE 'wsrep_local_state'";
        let rows = connection.query(&Statement::from_string(sea_orm::DbBackend::MySql, sql)).await?;
        let state: Option<String> = rows.first().map(|row| row.try_get_by_index(1)).transpose()?;
        Ok::<_, DbErr>(state.is_none_or(|state| state == "4" || state.is_empty()))
    };
    ask.await.unwrap_or(false)
}
