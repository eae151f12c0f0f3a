//! A connection that many callers use at the same time.

use deadpool_redis::redis::aio::{ConnectionLike, MultiplexedConnection};
use deadpool_redis::redis::cluster_async::ClusterConnection;
use deadpool_redis::redis::{Cmd, FromRedisValue, Pipeline, RedisResult, Value, cmd, from_redis_value};
use futures::future::try_join_all;

/// What is asked in one trip.
pub(super) enum Request<'a> {
    /// One command about one key.
    One(Cmd),
    /// Several commands about one key.
    Together(Pipeline),
    /// One command for each of several keys.
    Each(Vec<Cmd>),
    /// The same about several keys: the command for all of them at once, and the one for a single key.
    Keys { all: &'static str, single: &'static str, keys: &'a [&'a str] },
}

/// To one server, or to all nodes of a cluster. Clones share the connection.
#[derive(Clone)]
pub(super) enum Link {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) async fn send<T: FromRedisValue>(&self, request: &Request<'_>) -> RedisResult<T> {
        match self {
            Self::Node(connection) => send(connection, request, false).await,
            Self::Cluster(connection) => send(connection, request, true).await,
        }
    }
}

async fn send<C, T>(connection: &C, request: &Request<'_>, is_cluster: bool) -> RedisResult<T>
where
    C: ConnectionLike + Clone,
    T: FromRedisValue,
{
    let mut connection = connection.clone();
    match request {
        Request::One(command) => command.query_async(&mut connection).await,
        Request::Together(commands) => commands.query_async(&mut connection).await,
        Request::Each(commands) if is_cluster => each(&connection, commands).await,
        Request::Each(commands) => {
            let mut together = Pipeline::with_capacity(commands.len());
            for command in commands {
                together.add_command(command.clone());
            }
            together.query_async(&mut connection).await
        }
        Request::Keys { single, keys, .. } if is_cluster => {
            let commands: Vec<Cmd> = keys.iter().map(|key| cmd(single).arg(*key).clone()).collect();
            each(&connection, &commands).await
        }
        Request::Keys { all, keys, .. } => cmd(all).arg(*keys).query_async(&mut connection).await,
    }
}

/// The keys may be on several nodes of a cluster, and a pipeline goes to one. The client would also take a command about
/// several keys apart, but then it leaves out the nodes to which it has no connection, and says nothing.
async fn each<C, T>(connection: &C, commands: &[Cmd]) -> RedisResult<T>
where
    C: ConnectionLike + Clone,
    T: FromRedisValue,
{
    let answers = commands.iter().map(|command| {
        let mut connection = connection.clone();
        async move { command.query_async::<Value>(&mut connection).await }
    });
    Ok(from_redis_value(Value::Array(try_join_all(answers).await?))?)
}
