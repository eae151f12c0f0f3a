//! Where the instances of a service are: register, deregister, discover.
//!
//! Which registry is used is a URL:
//!
//! | URL | instances |
//! | --- | --- |
//! | `memory:` | those that this process registers; for a site in one process |
//! | `static:fanone.user=10.0.0.1:8101,fanone.user=10.0.0.2:8101,…` | those of the list, for ever |

mod discover;
mod url;

use std::{
    collections::HashMap,
    future::{Ready, ready},
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

pub use url::RegistryError;
use volo::{FastStr, net::Address};

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
}

impl Instance {
    /// An instance of `service` at `address` with the usual weight.
    pub fn new(service: impl Into<String>, address: SocketAddr) -> Self {
        Self { service: service.into(), address, weight: DEFAULT_WEIGHT }
    }
}

type Instances = Vec<Arc<volo::discovery::Instance>>;

/// The registry. Clones share one table; clients ask it for every call, so a change counts at once.
#[derive(Clone, Debug)]
pub struct Registry {
    table: Arc<RwLock<HashMap<FastStr, Instances>>>,
    /// A list that was given from outside takes no registration.
    fixed: bool,
}

impl Registry {
    /// A registry of what this process registers.
    pub fn memory() -> Self {
        Self { table: Arc::default(), fixed: false }
    }

    /// A registry that always names `instances`.
    pub fn fixed(instances: impl IntoIterator<Item = Instance>) -> Self {
        let registry = Self::memory();
        for instance in instances {
            registry.put(instance);
        }
        Self { fixed: true, ..registry }
    }

    /// The registry that `url` names.
    pub fn open(url: &str) -> Result<Self, RegistryError> {
        url::parse(url)
    }

    /// Makes an instance known. A second registration of an address replaces the first.
    pub fn register(&self, instance: Instance) -> Ready<Result<(), RegistryError>> {
        tracing::debug!(service = instance.service, address = %instance.address, "instance.registered");
        if !self.fixed {
            self.put(instance);
        }
        ready(Ok(()))
    }

    /// Takes an instance back: it gets no new calls.
    pub fn deregister(&self, instance: &Instance) -> Ready<Result<(), RegistryError>> {
        tracing::debug!(service = instance.service, address = %instance.address, "instance.deregistered");
        if !self.fixed {
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(instances) = table.get_mut(instance.service.as_str()) {
                instances.retain(|known| known.address != Address::Ip(instance.address));
            }
        }
        ready(Ok(()))
    }

    fn put(&self, instance: Instance) {
        let address = Address::Ip(instance.address);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let instances = table.entry(instance.service.into()).or_default();
        instances.retain(|known| known.address != address);
        instances.push(Arc::new(volo::discovery::Instance {
            address,
            weight: instance.weight,
            tags: HashMap::new(),
        }));
    }
}
