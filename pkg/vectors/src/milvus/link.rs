//! The connection to a Milvus: each call has a limit, and while Milvus is away nobody waits for it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fanone_config::MilvusUrl;
use fanone_telemetry::{
    chain, names,
    trace::{self, Kind},
};
use milvus::v2::{
    ClientV2,
    prelude::{ConnectConfig, Error, RetryConfig, TelemetryConfig},
};
use tokio::{net::TcpStream, time::timeout};

use super::failure;
use crate::VectorError;

/// The limit of what nobody waits for.
pub(super) const PATIENT: Duration = Duration::from_secs(10);
/// Having found Milvus away, searches say so at once for so long; then one of them looks again.
const AWAY: Duration = Duration::from_secs(1);

pub(super) struct Link {
    place: Arc<str>,
    config: ConnectConfig,
    client: tokio::sync::Mutex<Option<ClientV2>>,
    outage: Mutex<Option<Outage>>,
}

struct Outage {
    began: Instant,
    /// When a search may look again.
    again: Instant,
}

impl Link {
    pub(super) fn new(url: &MilvusUrl) -> Self {
        let mut config = ConnectConfig::new()
            .uri(format!("http://{}", url.address))
            .database(&url.database)
            .telemetry(TelemetryConfig::new().enabled(false))
            // Whoever asks has a limit, and knows better what to do then.
            .retry(RetryConfig::new().max_attempts(1));
        if let Some((user, password)) = &url.login {
            config = config.username(user).password(password);
        }
        let client = tokio::sync::Mutex::new(None);
        Self { place: url.address.as_str().into(), config, client, outage: Mutex::new(None) }
    }

    /// Asks Milvus, unless it was away a moment ago.
    pub(super) async fn call_if_there<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        ask: impl AsyncFnOnce(ClientV2) -> Result<T, Error>,
    ) -> Result<T, VectorError> {
        if !self.may_try() {
            return Err(VectorError::Away { place: Arc::clone(&self.place), cause: None });
        }
        self.call(operation, limit, ask).await
    }

    /// Asks Milvus, for at most `limit`.
    pub(super) async fn call<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        ask: impl AsyncFnOnce(ClientV2) -> Result<T, Error>,
    ) -> Result<T, VectorError> {
        let mut span = trace::child(Kind::Client);
        if span.is_recorded() {
            span.rename(format!("milvus {operation}"));
            span.set("db.system.name", "milvus");
            span.set("db.operation.name", operation);
        }
        let asked = timeout(limit, async { ask(self.client(limit).await?).await });
        // Boxed: the futures of the client are large.
        let answer = match Box::pin(asked).await {
            Ok(answer) => answer.map_err(|error| failure::of(error, &self.place)),
            Err(_elapsed) => {
                let late = Error::Timeout(format!("no answer within {} ms", limit.as_millis()));
                Err(failure::of(late, &self.place))
            }
        };
        match &answer {
            Err(error @ VectorError::Away { .. }) => {
                span.fail("away");
                self.lost(error);
            }
            Err(_) => {
                span.fail("refused");
                self.found();
            }
            Ok(_) => self.found(),
        }
        answer
    }

    /// The client of all calls. It connects again by itself, unless the connection is stuck.
    async fn client(&self, limit: Duration) -> Result<ClientV2, Error> {
        let mut client = self.client.lock().await;
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        // The client tries for as long as it may; a port that nobody listens on is told at once here.
        let refused = |error| Error::Timeout(format!("connecting: {error}"));
        drop(TcpStream::connect(&*self.place).await.map_err(refused)?);
        let connected = ClientV2::new(&self.config.clone().connect_timeout(limit)).await?;
        Ok(client.insert(connected).clone())
    }

    /// Whether Milvus is there as far as is known, or it is this caller's turn to find out.
    fn may_try(&self) -> bool {
        let now = Instant::now();
        match &mut *self.outage() {
            None => true,
            Some(outage) if now >= outage.again => {
                outage.again = now + AWAY;
                true
            }
            Some(_) => false,
        }
    }

    fn lost(&self, error: &VectorError) {
        let now = Instant::now();
        let is_new = {
            let mut outage = self.outage();
            let is_new = outage.is_none();
            outage.get_or_insert(Outage { began: now, again: now }).again = now + AWAY;
            is_new
        };
        if is_new {
            metrics::gauge!(names::VECTORS_AWAY).set(1.0);
            tracing::warn!(
                error = chain(error),
                "Milvus is away: no image search, and vectors wait in the outbox"
            );
        }
        // It may be stuck.
        if let Ok(mut client) = self.client.try_lock() {
            *client = None;
        }
    }

    fn found(&self) {
        let Some(outage) = self.outage().take() else { return };
        metrics::gauge!(names::VECTORS_AWAY).set(0.0);
        let seconds = outage.began.elapsed().as_secs_f64();
        tracing::info!(place = &*self.place, seconds, "Milvus is back");
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
