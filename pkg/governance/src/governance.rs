//! All rules of a process.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use fanone_config::Calls;
use serde::Serialize;

use crate::{client::Client, document::Refused, names::Target, server::Server};

/// The rules in force. Clones share them.
#[derive(Clone)]
pub struct Governance(Arc<Parts>);

struct Parts {
    defaults: Calls,
    /// Of servers whose calls take another time.
    timeouts: BTreeMap<&'static str, Duration>,
    /// By who calls and who is called.
    clients: RwLock<BTreeMap<(String, String), Arc<Client>>>,
    servers: RwLock<BTreeMap<String, Arc<Server>>>,
}

/// What another document has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The rules before, as JSON, or `default`.
    pub old: String,
    /// The rules now.
    pub new: String,
    /// What of them has no effect.
    pub warnings: Vec<String>,
}

impl Governance {
    /// The default rules: those of Kitex, with the times and the balancer of the settings.
    #[must_use]
    pub fn new(defaults: &Calls) -> Self {
        Self::with_timeouts(defaults, [])
    }

    /// As [`Governance::new`]; calls to these servers take these times.
    #[must_use]
    pub fn with_timeouts<const N: usize>(defaults: &Calls, timeouts: [(&'static str, Duration); N]) -> Self {
        Self(Arc::new(Parts {
            defaults: defaults.clone(),
            timeouts: timeouts.into(),
            clients: RwLock::default(),
            servers: RwLock::default(),
        }))
    }

    /// The rules and the state of calls of `client` to `server`.
    #[must_use]
    pub fn client(&self, client: &str, server: &str) -> Arc<Client> {
        let key = (client.to_owned(), server.to_owned());
        let mut clients = self.0.clients.write().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let mut defaults = self.0.defaults.clone();
            if let Some(timeout) = self.0.timeouts.get(server) {
                defaults.rpc_timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            }
            Arc::new(Client::new(client, server, &defaults))
        };
        Arc::clone(clients.entry(key).or_insert_with(new))
    }

    /// The rules and the state of a server.
    #[must_use]
    pub fn server(&self, name: &str) -> Arc<Server> {
        let mut servers = self.0.servers.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(servers.entry(name.to_owned()).or_insert_with(|| Arc::new(Server::new(name))))
    }

    /// Lets the document `name` rule from now on; an empty one gives the defaults back.
    ///
    /// # Errors
    ///
    /// The document is wrong, or there is none of this name. Then the rules stay as they are.
    pub fn apply(&self, name: &str, text: &str) -> Result<Applied, Refused> {
        match name.parse() {
            Ok(Target::Calls { client, server, category }) => {
                self.client(client, server).apply(category, text)
            }
            Ok(Target::Server(server)) => self.server(server).apply(text),
            Err(()) => Err(Refused::new("the name", "is that of no document")),
        }
    }

    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.0.clients.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn servers(&self) -> Vec<Arc<Server>> {
        self.0.servers.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Puts another document into its place.
pub(crate) fn replaced<T: Serialize>(place: &mut Option<T>, new: Option<T>) -> Applied {
    let shown = |document: &Option<T>| match document {
        None => "default".to_owned(),
        Some(document) => serde_json::to_string(document).unwrap_or_default(),
    };
    let (old, new_text) = (shown(place), shown(&new));
    *place = new;
    Applied { old, new: new_text, warnings: Vec::new() }
}
