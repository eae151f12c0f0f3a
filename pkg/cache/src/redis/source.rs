//! Where connections come from: a pool of `deadpool` for each kind of server.

use deadpool_redis::redis::{ErrorKind, RedisError};
use deadpool_redis::{
    Connection, Manager, Pool, PoolConfig, PoolError, RedisConnectionInfo, Runtime, TimeoutType, Timeouts,
    cluster, redis::AsyncConnectionConfig, sentinel,
};

use super::link::Link;
use super::target::Target;
use crate::error::CacheError;
use crate::options::Options;

pub(super) enum Source {
    Node(Pool),
    Sentinel(sentinel::Pool),
    Cluster(cluster::Pool),
}

/// A connection taken from a pool. It does not go back: it is let go only when it is broken, or in doubt.
pub(super) struct Pooled {
    pub(super) link: Link,
    object: Option<Object>,
}

enum Object {
    Node(Connection),
    Sentinel(sentinel::Connection),
    Cluster(cluster::Connection),
}

impl Drop for Pooled {
    fn drop(&mut self) {
        match self.object.take() {
            Some(Object::Node(connection)) => drop(Connection::take(connection)),
            Some(Object::Sentinel(connection)) => drop(sentinel::Connection::take(connection)),
            Some(Object::Cluster(connection)) => drop(cluster::Connection::take(connection)),
            None => {}
        }
    }
}

impl Source {
    pub(super) fn new(target: &Target, options: &Options) -> Result<Self, CacheError> {
        const REFUSED: CacheError = CacheError::Url("the Redis client does not take it");
        let wait = Some(options.connect_timeout);
        let config = PoolConfig {
            // One more for each, because an old connection may be in use for a moment while its successor is made.
            max_size: options.connections.saturating_mul(2).max(2),
            timeouts: Timeouts { wait, create: wait, recycle: wait },
            ..PoolConfig::default()
        };
        match target {
            Target::Node(node) => {
                let connection = AsyncConnectionConfig::new()
                    .set_connection_timeout(wait)
                    // Each operation has a deadline already.
                    .set_response_timeout(None);
                let manager = Manager::new_with_config(node.clone(), connection).or(Err(REFUSED))?;
                let pool = Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build();
                Ok(Self::Node(pool.or(Err(REFUSED))?))
            }
            Target::Sentinel { sentinels, master, login } => {
                let login = RedisConnectionInfo {
                    db: login.db,
                    username: login.user.clone(),
                    password: login.password.clone(),
                    ..RedisConnectionInfo::default()
                };
                let node = sentinel::SentinelNodeConnectionInfo {
                    tls_mode: None,
                    redis_connection_info: Some(login),
                };
                let kind = sentinel::SentinelServerType::Master;
                let manager = sentinel::Manager::new(sentinels.clone(), master.clone(), Some(node), kind);
                let manager = manager.or(Err(REFUSED))?;
                let pool = sentinel::Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build();
                Ok(Self::Sentinel(pool.or(Err(REFUSED))?))
            }
            Target::Cluster(nodes) => {
                let manager = cluster::Manager::new(nodes.clone(), false).or(Err(REFUSED))?;
                let pool = cluster::Pool::builder(manager).config(config).runtime(Runtime::Tokio1).build();
                Ok(Self::Cluster(pool.or(Err(REFUSED))?))
            }
        }
    }

    /// A new connection, logged in.
    pub(super) async fn connect(&self) -> Result<Pooled, RedisError> {
        let (link, object) = match self {
            Self::Node(pool) => {
                let connection = pool.get().await.map_err(cause)?;
                (Link::Node((*connection).clone()), Object::Node(connection))
            }
            Self::Sentinel(pool) => {
                let connection = pool.get().await.map_err(cause)?;
                (Link::Node((*connection).clone()), Object::Sentinel(connection))
            }
            Self::Cluster(pool) => {
                let connection = pool.get().await.map_err(cause)?;
                (Link::Cluster((*connection).clone()), Object::Cluster(connection))
            }
        };
        Ok(Pooled { link, object: Some(object) })
    }
}

fn cause(error: PoolError) -> RedisError {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => timed_out(),
        _ => RedisError::from((ErrorKind::Client, "no connection is free")),
    }
}

/// The server did not answer in time.
pub(super) fn timed_out() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()
}
