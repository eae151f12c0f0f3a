//! Documents as configurations on a Nacos.
//!
//! Two clients, because one that listens to a document answers from its own memory, which never hears that the document has
//! gone: the one reads, the other listens. Listening tells of a change at once, and shows us to whoever asks the console
//! who listens.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fanone_config::NacosUrl;
use fanone_registry::NacosLogin;
use nacos_sdk::api::{
    config::{ConfigChangeListener, ConfigResponse, ConfigService, ConfigServiceBuilder},
    constants::DEFAULT_GROUP,
    error::Error,
    props::ClientProps,
};
use tokio::{
    sync::{Notify, OnceCell},
    time::timeout,
};

use crate::documents::SourceError;

/// The longest wait for an answer. To find that nobody answers takes the client nearly five seconds.
const ANSWER_MAX: Duration = Duration::from_secs(8);
/// After a failure nothing is asked for so long. The client looks after a connection only when it was silent for 5 to 10 s; one
/// that is asked all the time goes on for ever without being known to a Nacos that was restarted.
pub(crate) const PAUSE: Duration = Duration::from_secs(12);

pub(crate) struct Nacos {
    url: NacosUrl,
    login: Option<Arc<NacosLogin>>,
    names: Vec<String>,
    /// The client writes there what it hears; it is never read.
    folder: PathBuf,
    reader: OnceCell<ConfigService>,
    listener: OnceCell<ConfigService>,
    told: Arc<Notify>,
}

impl Nacos {
    /// Nobody is asked yet.
    pub(crate) fn new(url: &NacosUrl, names: &[String], data_dir: &Path) -> Self {
        Self {
            url: url.clone(),
            login: NacosLogin::of(url),
            names: names.to_vec(),
            folder: data_dir.join("live").join("nacos"),
            reader: OnceCell::new(),
            listener: OnceCell::new(),
            told: Arc::default(),
        }
    }

    /// The text of a document; empty if it is not there.
    pub(crate) async fn fetch(&self, name: &str) -> Result<String, SourceError> {
        let text = in_time(self.read(name)).await?;
        // Only now is it known that somebody is there.
        in_time(self.listener.get_or_try_init(|| self.listen())).await?;
        Ok(text)
    }

    /// Waits until Nacos says that a document has changed.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    async fn read(&self, name: &str) -> Result<String, Error> {
        // With its cache this client starts without a server, and finds one later; there is nothing in that cache.
        let props = || self.props("reader").config_load_cache_at_start(true);
        let reader = self.reader.get_or_try_init(|| self.build(props())).await?;
        if let Some(login) = &self.login {
            login.ensure().await;
        }
        match reader.get_config(name.to_owned(), DEFAULT_GROUP.to_owned()).await {
            Ok(found) => Ok(found.content().clone()),
            Err(Error::ConfigNotFound(_)) => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    async fn listen(&self) -> Result<ConfigService, Error> {
        let service = self.build(self.props("listener")).await?;
        let listener: Arc<dyn ConfigChangeListener> = Arc::new(Listener(Arc::clone(&self.told)));
        for name in &self.names {
            service.add_listener(name.clone(), DEFAULT_GROUP.to_owned(), Arc::clone(&listener)).await?;
        }
        Ok(service)
    }

    async fn build(&self, props: ClientProps) -> Result<ConfigService, Error> {
        let builder = ConfigServiceBuilder::new(props);
        match &self.login {
            Some(login) => builder.with_auth_plugin(Arc::clone(login) as _).build().await,
            None => builder.build().await,
        }
    }

    fn props(&self, purpose: &str) -> ClientProps {
        ClientProps::new()
            .env_first(false)
            .server_addr(self.url.servers.join(","))
            .namespace(self.url.namespace.clone())
            .app_name("fanone")
            .cache_dir(self.folder.join(purpose))
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, SourceError> {
    match timeout(ANSWER_MAX, answer).await {
        Ok(answer) => answer.map_err(|error| SourceError::Nacos(Box::new(error))),
        Err(_elapsed) => Err(SourceError::Silence(ANSWER_MAX)),
    }
}

/// Passes on that something has changed.
struct Listener(Arc<Notify>);

impl ConfigChangeListener for Listener {
    fn notify(&self, _document: ConfigResponse) {
        self.0.notify_one();
    }
}
