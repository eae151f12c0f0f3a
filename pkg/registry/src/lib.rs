//! Where the instances of a service are: register, deregister, discover.
//!
//! Which registry is used is a URL:
//!
//! | URL | instances |
//! | --- | --- |
//! | `memory:` | those that this process registers; for a site in one process |
//! | `static:fanone.user=10.0.0.1:8101,fanone.user=10.0.0.2:8101,…` | those of the list, for ever |
//! | `nacos://user:password@host:8848/namespace` | those that a Nacos knows; without it, those known last |

mod discover;
mod nacos;
mod table;
mod url;

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use nacos::Nacos;
pub use nacos::NacosLogin;
use table::Table;
pub use url::RegistryError;

/// The weight of an instance that is given none.
pub const DEFAULT_WEIGHT: u32 = 10;

/// One running copy of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The service's name, such as `fanone.user`.
    pub service: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its share of the calls, relative to the other instances; 0 gets none.
    pub weight: u32,
    /// What operators see beside it.
    pub metadata: BTreeMap<String, String>,
}

impl Instance {
    /// An instance of `service` at `address` with the usual weight.
    pub fn new(service: impl Into<String>, address: SocketAddr) -> Self {
        Self { service: service.into(), address, weight: DEFAULT_WEIGHT, metadata: BTreeMap::new() }
    }
}

/// What a registry on a server needs beside its URL.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What this process is called there.
    pub name: String,
    /// Where it keeps what it knew last.
    pub folder: PathBuf,
    /// The IP address that others are told; without it, where an instance listens or else this machine's own.
    pub advertise: Option<IpAddr>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The table is what this process registers.
    Memory,
    /// The table was given from outside and takes no registration.
    Fixed,
    /// The table follows a Nacos.
    Nacos(Nacos),
}

/// The registry. Clones share one table; clients ask it for every call, so a change counts at once.
#[derive(Clone, Debug)]
pub struct Registry {
    table: Arc<Table>,
    kind: Kind,
}

impl Registry {
    /// A registry of what this process registers.
    pub fn memory() -> Self {
        Self { table: Arc::default(), kind: Kind::Memory }
    }

    /// A registry that always names `instances`.
    pub fn fixed(instances: impl IntoIterator<Item = Instance>) -> Self {
        let table = Table::default();
        for instance in instances {
            table.put(&instance);
        }
        Self { table: Arc::new(table), kind: Kind::Fixed }
    }

    /// The registry that `url` names. One on a server is kept up to date by a task of the present runtime; nothing waits for
    /// the server.
    pub fn open(url: &str, options: Options) -> Result<Self, RegistryError> {
        url::open(url, options)
    }

    fn nacos(nacos: Nacos, table: Arc<Table>) -> Self {
        Self { table, kind: Kind::Nacos(nacos) }
    }

    /// Makes an instance known. A second registration of an address replaces the first. On a server it is done soon, and
    /// again whenever the server has lost it.
    pub fn register(&self, instance: Instance) -> Ready<Result<(), RegistryError>> {
        tracing::debug!(service = instance.service, address = %instance.address, "instance.registered");
        match &self.kind {
            Kind::Fixed => {}
            Kind::Memory => self.table.put(&instance),
            Kind::Nacos(nacos) => nacos.register(instance),
        }
        ready(Ok(()))
    }

    /// Takes an instance back: it gets no new calls.
    pub async fn deregister(&self, instance: &Instance) -> Result<(), RegistryError> {
        tracing::debug!(service = instance.service, address = %instance.address, "instance.deregistered");
        match &self.kind {
            Kind::Fixed => {}
            Kind::Memory => self.table.take(instance),
            Kind::Nacos(nacos) => {
                nacos.deregister(Some(instance)).await;
            }
        }
        Ok(())
    }

    /// Takes back all that this process registered on a server, and returns when others have had the time to see it; what
    /// this process itself knows stays as it is. To be called before the instances stop to listen.
    pub async fn leave(&self) {
        if let Kind::Nacos(nacos) = &self.kind {
            nacos.leave().await;
        }
    }

    /// Says that the instances of `service` will be asked for.
    pub fn watch_service(&self, service: &str) {
        if let Kind::Nacos(nacos) = &self.kind {
            nacos.watch(service);
        }
    }

    /// Every instance that is known: its service, its address and its weight.
    #[must_use]
    pub fn known(&self) -> Vec<(String, SocketAddr, u32)> {
        self.table.list().into_iter().map(|(service, (address, weight))| (service, address, weight)).collect()
    }

    /// Of the watched services, those of which no instance has ever been known.
    pub fn unknown_services(&self) -> Vec<String> {
        match &self.kind {
            Kind::Memory | Kind::Fixed => Vec::new(),
            Kind::Nacos(nacos) => nacos.unknown_services(),
        }
    }

    /// The services of this process that others do not know of yet: a server has not taken them so far, or not told. None while
    /// the server is away.
    pub fn unregistered_services(&self) -> Vec<String> {
        match &self.kind {
            Kind::Memory | Kind::Fixed => Vec::new(),
            Kind::Nacos(nacos) => nacos.unregistered_services(),
        }
    }
}
