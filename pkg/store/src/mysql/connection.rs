//! One connection to a server, and the pool of them.
//!
//! The pool is not sqlx's own: that one asks the server after every use whether the connection still works, which
//! doubles the trips of a read. Here a connection that an error or a dropped statement has left in an unknown state is
//! thrown away, and one that lay idle for a while is asked before its next use.

use std::time::{Duration, Instant};

use deadpool::{
    Runtime,
    managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult},
};
use fanone_config::Connections;
use sea_orm::{
    DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sea_query::Values,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions, Connection as _, Executor, MySqlConnection,
        mysql::MySqlConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;

use super::trouble::no_connection;
use crate::metric::Durations;

/// Who lies idle longer is asked whether it is still there.
const ASK_AFTER: Duration = Duration::from_secs(20);
/// How long a transaction waits for a row that another one holds, seconds. Below every deadline.
const LOCK_WAIT_S: u32 = 2;

/// A connection and what is known of it.
pub(crate) struct Connection {
    inner: MySqlConnection,
    /// A statement has begun and has not come back: the connection may be in the middle of an answer.
    busy: bool,
    born: Instant,
    durations: Durations,
}

pub(crate) type Lent = Object<Connector>;

impl Connection {
    /// Runs a statement and gives its rows.
    pub(crate) async fn query(&mut self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.busy = true;
        let started = Instant::now();
        let rows = query(statement).fetch_all(&mut self.inner).await;
        self.durations.record(&statement.sql, started.elapsed(), rows.is_err());
        self.busy = is_unfit(&rows);
        let rows = rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    /// Runs a statement and tells how many rows it changed.
    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<ExecResult, DbErr> {
        self.busy = true;
        let started = Instant::now();
        let result = query(statement).execute(&mut self.inner).await;
        self.durations.record(&statement.sql, started.elapsed(), result.is_err());
        self.busy = is_unfit(&result);
        result.map(ExecResult::from).map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
    }

    /// Runs a statement that can't be prepared, such as `BEGIN`.
    pub(crate) async fn command(&mut self, sql: &'static str) -> Result<(), DbErr> {
        self.busy = true;
        let result = self.inner.execute(sql).await;
        self.busy = is_unfit(&result);
        result.map(drop).map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))
    }

    /// Never to be used again.
    pub(crate) fn give_up(&mut self) {
        self.busy = true;
    }
}

/// An answer of the server, also a refusal, leaves the connection fit for the next statement; anything else does not.
fn is_unfit<T>(result: &Result<T, sqlx::Error>) -> bool {
    !matches!(result, Ok(_) | Err(sqlx::Error::Database(_)))
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, sqlx::MySql, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

/// Makes connections to one node.
pub(crate) struct Connector {
    options: MySqlConnectOptions,
    limits: Connections,
    durations: Durations,
}

/// The pool of one node. Nothing is connected before it is needed.
pub(crate) fn pool(
    options: MySqlConnectOptions,
    limits: &Connections,
    durations: &Durations,
) -> Pool<Connector> {
    let options =
        options.statement_cache_capacity(300).collation("utf8mb4_unicode_ci").disable_statement_logging();
    let connector = Connector { options, limits: limits.clone(), durations: durations.clone() };
    let timeout = Some(limits.acquire_timeout());
    let built = Pool::builder(connector)
        .max_size(usize::try_from(limits.connections_max).unwrap_or(usize::MAX))
        .wait_timeout(timeout)
        .create_timeout(timeout)
        .recycle_timeout(timeout)
        .runtime(Runtime::Tokio1)
        .build();
    match built {
        Ok(pool) => pool,
        // It fails for times without a runtime, and there is one.
        Err(error) => unreachable!("{error}"),
    }
}

/// A connection of the pool, within the limits.
pub(crate) async fn acquire(pool: &Pool<Connector>) -> Result<Lent, DbErr> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(_) => no_connection(pool.manager().limits.acquire_timeout()),
        error => DbErr::Conn(RuntimeErr::Internal(error.to_string())),
    })
}

impl Connector {
    async fn connect(&self) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        // Others' commits are seen at once, and no gaps between rows are locked.
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        let wait = format!("SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}");
        connection.execute(AssertSqlSafe(wait)).await?;
        Ok(connection)
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = DbErr;

    async fn create(&self) -> Result<Connection, DbErr> {
        let inner = self.connect().await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(Connection { inner, busy: false, born: Instant::now(), durations: self.durations.clone() })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<DbErr> {
        let idle = metrics.last_used();
        let worn = connection.born.elapsed() > self.limits.lifetime() || idle > self.limits.idle_timeout();
        if connection.busy || worn {
            return Err(RecycleError::message("not to be used again"));
        }
        if idle > ASK_AFTER {
            connection.busy = true;
            let asked = connection.inner.ping().await;
            asked.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
            connection.busy = false;
        }
        Ok(())
    }
}
