//! Operations on the server: each with a deadline, none while the server is away, and one task that looks when it is back.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deadpool_redis::redis::{FromRedisValue, RedisError, RedisResult};
use fanone_telemetry::trace::{self, Kind};
use fanone_telemetry::{Timings, names};
use tokio::time::{sleep, timeout};

use super::commands;
use super::failure::{Meaning, is_login, meaning};
use super::hub;
use super::lanes::Lanes;
use super::link::{Link, Request};
use super::outage::{Debts, Outage, Status};
use super::source::{Source, timed_out};
use super::target::Target;
use crate::error::CacheError;
use crate::jitter::jittered;
use crate::options::Options;

/// The time between two looks for the server: from the first to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// Keys that are put right in one trip.
const KEYS_AT_ONCE: usize = 500;

static OPERATIONS: Timings<2> = Timings::new(names::CACHE_OPERATION_DURATION, ["operation", "outcome"]);

/// What came of an operation.
pub(super) enum Answer<T> {
    /// The answer of Redis.
    Redis(T),
    /// There is none; the operation is to be done in this process.
    Away(Arc<Outage>),
}

pub(super) struct Server {
    pub(super) options: Options,
    addresses: String,
    lanes: Lanes,
    status: Status,
    own: Weak<Self>,
}

impl Server {
    pub(super) fn new(target: &Target, options: &Options) -> Result<Arc<Self>, CacheError> {
        let lanes = Lanes::new(Source::new(target, options)?, options.connections);
        Ok(Arc::new_cyclic(|own| Self {
            options: *options,
            addresses: target.addresses(),
            lanes,
            status: Status::new(),
            own: own.clone(),
        }))
    }

    pub(super) fn epoch(&self) -> u64 {
        self.status.epoch()
    }

    pub(super) fn is_away(&self) -> bool {
        self.status.outage().is_some()
    }

    /// Sends a request, or finds that the server is away: at once, or at the end of the deadline.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        operation: &'static str,
        request: &Request<'_>,
    ) -> Result<Answer<T>, RedisError> {
        if let Some(outage) = self.status.outage() {
            return Ok(Answer::Away(outage));
        }
        let started = Instant::now();
        let answer = timeout(self.options.timeout, self.attempt(request)).await;
        let error = match answer {
            Ok(Ok(answer)) => {
                note(operation, "ok", started.elapsed());
                return Ok(Answer::Redis(answer));
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => timed_out(),
        };
        if meaning(&error) == Meaning::Refused {
            note(operation, "refused", started.elapsed());
            return Err(error);
        }
        note(operation, "away", started.elapsed());
        Ok(Answer::Away(self.lose(Some(&error), |_| {})))
    }

    /// A connection that broke is replaced once: servers close idle ones, and a primary that has become a replica is no
    /// outage. So a counter may count one more, and of values that are added one may seem to be there already.
    async fn attempt<T: FromRedisValue>(&self, request: &Request<'_>) -> RedisResult<T> {
        let lane = self.lanes.pick();
        let held = self.lanes.connection(lane).await?;
        let error = match held.link.send(request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if meaning(&error) != Meaning::Broken {
            return Err(error);
        }
        lane.discard(&held);
        drop(held);
        tracing::debug!(%error, "a connection to the cache is replaced");
        self.lanes.connection(lane).await?.link.send(request).await
    }

    /// Notes something for when the server is back. If it is there already, that is at once.
    pub(super) fn owe(&self, note: impl FnOnce(&mut Debts)) -> Arc<Outage> {
        self.lose(None, note)
    }

    fn lose(&self, error: Option<&RedisError>, note: impl FnOnce(&mut Debts)) -> Arc<Outage> {
        let (outage, is_new) = self.status.begin(note);
        if is_new {
            if let Some(error) = error {
                tracing::warn!(servers = self.addresses, %error, "the cache is away; this process goes on alone");
            }
            self.lanes.clear();
            tokio::spawn(come_back(self.own.clone(), outage.clone()));
        }
        outage
    }

    /// Whether the server is fit for us.
    pub(super) async fn check(&self) -> Result<(), CacheError> {
        let trial = async {
            let lane = self.lanes.pick();
            let link = self.lanes.connection(lane).await?.link.clone();
            link.send::<()>(&commands::probes()).await?;
            link.send::<()>(&commands::probe_counter()).await
        };
        let limit = self.options.connect_timeout.saturating_mul(2);
        let error = match timeout(limit, trial).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_elapsed) => timed_out(),
        };
        if meaning(&error) != Meaning::Refused {
            self.lose(Some(&error), |_| {});
        }
        let servers = self.addresses.clone();
        Err(match meaning(&error) {
            _ if is_login(&error) => CacheError::Login { servers },
            Meaning::Refused => CacheError::Unfit { servers, source: error },
            Meaning::Broken | Meaning::Away => CacheError::Unreachable { servers, source: error },
        })
    }

    /// Reaches every primary, writes, and brings the server up to date. Whether the outage is over.
    async fn recover(&self, outage: &Outage) -> RedisResult<bool> {
        within(self.options.connect_timeout.saturating_mul(2), self.lanes.open()).await?;
        let lane = self.lanes.pick();
        let link = self.lanes.connection(lane).await?.link.clone();
        let limit = self.options.connect_timeout;
        within(limit, link.send::<()>(&commands::probes())).await?;
        within(limit, link.send::<()>(&commands::probe_counter())).await?;

        let debts = outage.take_debts();
        if let Err(error) = self.pay(&link, &debts).await {
            outage.owe(|owed| owed.take_back(debts));
            return Err(error);
        }
        Ok(self.status.end())
    }

    /// Tells the server what it does not know.
    async fn pay(&self, link: &Link, debts: &Debts) -> RedisResult<()> {
        let limit = self.options.connect_timeout;
        if debts.many_changed {
            tracing::warn!("too many keys have changed while the cache was away; it is emptied");
            within(limit, link.send::<()>(&commands::empty())).await?;
        } else {
            let keys: Vec<&str> = debts.changed.iter().map(String::as_str).collect();
            for keys in keys.chunks(KEYS_AT_ONCE) {
                within(limit, link.send::<()>(&commands::remove(keys))).await?;
            }
        }
        let now = Instant::now();
        let left = |end: Instant| end.checked_duration_since(now).filter(|left| !left.is_zero());
        let marks: Vec<(&str, &Bytes, Duration)> = debts
            .added
            .iter()
            .filter_map(|(key, (mark, end))| Some((key.as_str(), mark, left(*end)?)))
            .collect();
        for marks in marks.chunks(KEYS_AT_ONCE) {
            within(limit, link.send::<()>(&commands::add_each(marks.iter().copied()))).await?;
        }
        let channels: Vec<&str> = debts.missed.iter().map(String::as_str).collect();
        for channels in channels.chunks(KEYS_AT_ONCE) {
            within(limit, link.send::<()>(&commands::publish_each(channels, &hub::MISSED))).await?;
        }
        Ok(())
    }
}

/// An operation has come to its end.
fn note(operation: &'static str, outcome: &'static str, elapsed: Duration) {
    OPERATIONS.record([operation, outcome], elapsed);
    let mut span = trace::child(Kind::Client);
    if span.is_recorded() {
        span.began_ago(elapsed);
        span.rename(operation);
        span.set("db.system.name", "redis");
        span.set("db.operation.name", operation);
        if outcome != "ok" {
            span.fail(outcome);
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(timed_out()))
}

/// Looks for the server until it is there.
async fn come_back(server: Weak<Server>, outage: Arc<Outage>) {
    let mut pause = PAUSE.0;
    loop {
        // Nobody looks for a server that nobody uses.
        let Some(server) = server.upgrade() else { return };
        match Box::pin(server.recover(&outage)).await {
            Ok(true) => {
                let seconds = outage.began.elapsed().as_secs_f64();
                tracing::info!(servers = server.addresses, seconds, "the cache is back");
                return;
            }
            Ok(false) => continue,
            Err(error) => {
                tracing::debug!(%error, "the cache is still away");
                server.lanes.clear();
            }
        }
        drop(server);
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}
