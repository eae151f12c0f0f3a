//! A front for tests: all of it, with no service behind it.

use std::{sync::Arc, time::Duration};

use fanone_cache::Cache;
use fanone_call::Peer;
use fanone_config::{Live, Settings};
use fanone_identity::{Keys, OnMissing};
use fanone_media::MediaStore;
use fanone_registry::Registry;
use fanone_vectors::Prepared;
use http::Method;
use tempfile::TempDir;
use volo_http::{
    body::{Body, BodyConversion},
    response::Response,
};

use crate::{
    gate::Gate,
    models::Models,
    state::{App, Parts},
};

/// The front and the folder it works in.
pub(crate) struct Front {
    pub(crate) app: App,
    pub(crate) gate: Gate,
    pub(crate) keys: Arc<Keys>,
    folder: Arc<TempDir>,
}

/// A front with these settings, each `SECTION__KEY` with its value.
pub(crate) fn front(settings: &[(&str, &str)]) -> Front {
    let folder = tempfile::tempdir().unwrap();
    let data = ("FANONE_DATA_DIR".to_owned(), folder.path().display().to_string());
    let given = settings.iter().map(|(name, value)| (format!("FANONE_{name}"), (*value).to_owned()));
    let settings = Settings::load(None, given.chain([data])).unwrap();
    let keys = Arc::new(Keys::open(&settings.identity.keys, OnMissing::Generate).unwrap());
    let cache = fanone_cache::open("memory:", &fanone_cache::Options::default()).unwrap();
    Front::new(Arc::new(settings), keys, Registry::memory(), cache, Arc::new(folder))
}

impl Front {
    fn new(
        settings: Arc<Settings>,
        keys: Arc<Keys>,
        registry: Registry,
        cache: Arc<dyn Cache>,
        folder: Arc<TempDir>,
    ) -> Self {
        let lifetime = Duration::from_secs(60);
        let peer = Peer::new("fanone.http", &keys, lifetime, registry, &settings.calls).unwrap();
        let model = Prepared::read(&settings.model.url).unwrap().open(&peer, settings.model.timeout());
        let app = App::new(Parts {
            peer,
            verifier: keys.user_verifier().unwrap(),
            media: MediaStore::open(&settings.media.url.with_secret(), settings.media.timeout()).unwrap(),
            models: Models::new(model, None),
            cache,
            live: Live::of(&settings),
            settings,
        });
        Self { gate: Gate::new(app.clone()), app, keys, folder }
    }

    /// Another front of the same site: with the same settings, cache, media folder and keys.
    pub(crate) fn beside(&self) -> Self {
        let (settings, cache) = (Arc::clone(&self.app.settings), Arc::clone(&self.app.cache));
        Self::new(settings, Arc::clone(&self.keys), Registry::memory(), cache, Arc::clone(&self.folder))
    }

    /// Sends a request with headers and takes the answer apart: status, headers, JSON body (null if it is none).
    pub(crate) async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (u16, http::HeaderMap, serde_json::Value) {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = "192.0.2.1:40000".parse().unwrap();
        let response: Response = self.gate.serve(peer, request.body(body.into()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let text = body.into_string().await.unwrap();
        (parts.status.as_u16(), parts.headers, serde_json::from_str(&text).unwrap_or_default())
    }
}
