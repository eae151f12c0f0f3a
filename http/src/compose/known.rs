//! What this front has just heard to exist. It is asked for with every like and comment list, and hardly ever goes: the
//! fronts tell each other when it does, so that no request has to ask the cache server.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use fanone_cache::Event;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::state::App;

/// Here a front tells the others what exists no longer.
const CHANNEL: &str = "gone";
/// How long something is taken to exist should a message be lost.
const TTL: Duration = Duration::from_secs(10);
const KEYS_MAX: u64 = 100_000;
/// How long a front waits before it listens once more.
const AGAIN: Duration = Duration::from_secs(1);

/// The keys of what exists.
pub(crate) struct Known {
    keys: moka::sync::Cache<String, ()>,
    /// How often something has gone: who began to ask before does not bring it back.
    gone: AtomicU64,
}

impl Default for Known {
    fn default() -> Self {
        let keys = moka::sync::Cache::builder().max_capacity(KEYS_MAX).time_to_live(TTL).build();
        Self { keys, gone: AtomicU64::new(0) }
    }
}

impl Known {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// To be given to `keep`; to be taken before the question is asked.
    pub(crate) fn now(&self) -> u64 {
        self.gone.load(Ordering::SeqCst)
    }

    pub(crate) fn keep(&self, key: String, asked: u64) {
        if self.now() == asked {
            self.keys.insert(key.clone(), ());
        }
        // It may have gone between the two lines above.
        if self.now() != asked {
            self.keys.invalidate(&key);
        }
    }

    fn forget(&self, key: Option<&str>) {
        self.gone.fetch_add(1, Ordering::SeqCst);
        match key {
            Some(key) => self.keys.invalidate(key),
            None => self.keys.invalidate_all(),
        }
    }
}

/// Forgets a key on every front.
pub(crate) async fn forget(app: &App, key: &str) {
    app.known.forget(Some(key));
    if let Err(error) = app.cache.publish(CHANNEL, Bytes::copy_from_slice(key.as_bytes())).await {
        tracing::warn!(%error, "other fronts take something deleted to exist for some seconds");
    }
}

/// Hears what the other fronts say has gone, until `shutdown`.
pub(crate) async fn listen(app: App, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(hear(&app)).await;
}

async fn hear(app: &App) {
    loop {
        match app.cache.subscribe(CHANNEL).await {
            Ok(mut events) => {
                // What was said before is lost.
                app.known.forget(None);
                while let Some(event) = events.next().await {
                    match &event {
                        Event::Message(key) => app.known.forget(std::str::from_utf8(key).ok()),
                        Event::Lagged(_) => app.known.forget(None),
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "other fronts can't be heard"),
        }
        sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_while_it_was_asked_for_is_not_kept() {
        let known = Known::default();
        let asked = known.now();
        known.forget(Some("a"));
        known.keep("a".into(), asked);
        assert!(!known.has("a"));
        known.keep("a".into(), known.now());
        assert!(known.has("a"));
        known.forget(None);
        assert!(!known.has("a"));
    }
}
