//! The cache on Redis 7 or newer: one server, a primary that sentinels watch, or a cluster.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `target` | which servers a URL names |
//! | `source`, `lanes`, `link` | connections: where they come from, who uses which, what is sent |
//! | `commands` | the commands of each operation |
//! | `server` | an operation from its start to its deadline; the look for a server that is away |
//! | `outage`, `failure` | what is known and owed while it is away; what its errors mean |
//! | `hub`, `listener` | messages between processes |

mod commands;
mod failure;
mod hub;
mod lanes;
mod link;
mod listener;
mod outage;
mod server;
mod source;
mod target;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_redis::redis::{FromRedisValue, Value};

use crate::error::CacheError;
use crate::limits::{check_key, check_value};
use crate::options::Options;
use crate::subscription::Subscription;
use crate::{Cache, Ranked};
use hub::Hub;
use link::Request;
use server::{Answer, Server};
pub(crate) use target::Target;

pub(crate) struct RedisCache {
    server: Arc<Server>,
    hub: Hub,
}

impl RedisCache {
    pub(crate) fn new(target: Target, options: &Options) -> Result<Self, CacheError> {
        Ok(Self { server: Server::new(&target, options)?, hub: Hub::new(target, *options) })
    }

    async fn ask<T: FromRedisValue>(
        &self,
        operation: &'static str,
        request: &Request<'_>,
    ) -> Result<Answer<T>, CacheError> {
        self.server.ask(operation, request).await.map_err(CacheError::Refused)
    }

    /// Asks for what this process can't know by itself.
    async fn ask_only<T: FromRedisValue>(
        &self,
        operation: &'static str,
        request: &Request<'_>,
    ) -> Result<T, CacheError> {
        match self.ask(operation, request).await? {
            Answer::Redis(answer) => Ok(answer),
            Answer::Away(_) => Err(CacheError::Away),
        }
    }
}

fn check_keys(keys: &[&str]) -> Result<(), CacheError> {
    keys.iter().try_for_each(|key| check_key(key))
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        check_key(key)?;
        match self.ask("get", &commands::get(key)).await? {
            Answer::Redis(value) => Ok(value),
            Answer::Away(outage) => outage.local.get(key).await,
        }
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), CacheError> {
        check_key(key)?;
        check_value(&value)?;
        match self.ask("set", &commands::set(key, &value, ttl)).await? {
            Answer::Redis(()) => Ok(()),
            Answer::Away(_) => {
                let outage = self.server.owe(|debts| debts.change(key));
                outage.local.set(key, value, ttl).await
            }
        }
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Duration) -> Result<bool, CacheError> {
        check_key(key)?;
        check_value(&value)?;
        match self.ask::<Option<Value>>("add", &commands::add(key, &value, ttl)).await? {
            Answer::Redis(done) => Ok(done.is_some()),
            Answer::Away(outage) => {
                let done = outage.local.add(key, value.clone(), ttl).await?;
                if done {
                    self.server.owe(|debts| debts.add(key, value, ttl));
                }
                Ok(done)
            }
        }
    }

    async fn remove(&self, keys: &[&str]) -> Result<(), CacheError> {
        check_keys(keys)?;
        if keys.is_empty() {
            return Ok(());
        }
        match self.ask("remove", &commands::remove(keys)).await? {
            Answer::Redis(()) => Ok(()),
            Answer::Away(_) => {
                let outage = self.server.owe(|debts| keys.iter().for_each(|key| debts.change(key)));
                outage.local.remove(keys).await
            }
        }
    }

    async fn incr(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, CacheError> {
        check_key(key)?;
        match self.server.ask("incr", &commands::incr(key, by, ttl)).await {
            Ok(Answer::Redis((count,))) => Ok(count),
            Ok(Answer::Away(outage)) => outage.local.incr(key, by, ttl).await,
            Err(error) if failure::is_overflow(&error) => Ok(if by < 0 { i64::MIN } else { i64::MAX }),
            Err(error) => Err(CacheError::Refused(error)),
        }
    }

    async fn zset_add(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError> {
        check_key(key)?;
        if items.is_empty() {
            return Ok(());
        }
        self.ask_only("zset_add", &commands::zset_add(key, items, ttl, false)).await
    }

    async fn zset_raise(&self, key: &str, items: &[Ranked], ttl: Duration) -> Result<(), CacheError> {
        check_key(key)?;
        if items.is_empty() {
            return Ok(());
        }
        self.ask_only("zset_raise", &commands::zset_add(key, items, ttl, true)).await
    }

    async fn zset_top(&self, key: &str, offset: usize, limit: usize) -> Result<Vec<Ranked>, CacheError> {
        check_key(key)?;
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.ask_only("zset_top", &commands::zset_top(key, offset, limit)).await
    }

    async fn zset_remove(&self, key: &str, members: &[i64]) -> Result<(), CacheError> {
        check_key(key)?;
        if members.is_empty() {
            return Ok(());
        }
        self.ask_only("zset_remove", &commands::zset_remove(key, members)).await
    }

    async fn shared_get(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, CacheError> {
        check_keys(keys)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.ask_only("shared_get", &commands::shared_get(keys)).await
    }

    async fn shared_set(&self, items: &[(&str, Bytes)], ttl: Duration) -> Result<(), CacheError> {
        for (key, value) in items {
            check_key(key)?;
            check_value(value)?;
        }
        if items.is_empty() {
            return Ok(());
        }
        self.ask_only("shared_set", &commands::shared_set(items, ttl)).await
    }

    fn epoch(&self) -> u64 {
        self.server.epoch()
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), CacheError> {
        check_key(channel)?;
        check_value(&message)?;
        let framed = self.hub.publish(channel, message);
        match self.ask("publish", &commands::publish(channel, &framed)).await? {
            Answer::Redis(()) => {}
            // Those of the other processes are told afterwards that they have missed something.
            Answer::Away(_) => {
                self.server.owe(|debts| debts.miss(channel));
            }
        }
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, CacheError> {
        check_key(channel)?;
        let limit = if self.server.is_away() { Duration::ZERO } else { self.server.options.timeout };
        Ok(self.hub.subscribe(channel, limit).await)
    }

    async fn ping(&self) -> Result<(), CacheError> {
        self.server.check().await
    }
}
