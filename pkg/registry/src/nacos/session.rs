//! One client of Nacos: a connection with what is registered and subscribed on it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fanone_config::NacosUrl;
use nacos_sdk::api::{
    constants::DEFAULT_GROUP,
    naming::{NamingChangeEvent, NamingEventListener, NamingService, NamingServiceBuilder, ServiceInstance},
    props::ClientProps,
};
use tokio::time::timeout;

use super::{Shared, error::NacosError, login::NacosLogin};
use crate::{Instance, table::Place};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Nacos has fractions as weights; here they are whole.
pub(super) const WEIGHT_SCALE: u32 = 100;
/// The greatest weight that Nacos takes.
const WEIGHT_MAX: f64 = 10_000.0;

/// A connected client.
pub(super) struct Session {
    naming: NamingService,
    shared: Arc<Shared>,
    /// Another session is in its place: what it still hears does not count.
    is_over: Arc<AtomicBool>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects a new client.
    pub(super) async fn connect(
        url: &NacosUrl,
        login: Arc<NacosLogin>,
        shared: Arc<Shared>,
    ) -> Result<Self, NacosError> {
        let props = ClientProps::new()
            .server_addr(url.servers.join(","))
            .namespace(url.namespace.clone())
            .app_name(shared.options.name.clone())
            .env_first(false)
            // What was known last is kept elsewhere; the client only goes on without it.
            .load_cache_at_start(false)
            .cache_dir(shared.folder().join("client"))
            // Otherwise nobody would be told that the last instance has gone.
            .naming_push_empty_protection(false);
        let build = Box::pin(NamingServiceBuilder::new(props).with_auth_plugin(login).build());
        let naming = timeout(CONNECT, build).await.map_err(|_elapsed| NacosError::Late(CONNECT))??;
        Ok(Self { naming, shared, is_over: Arc::default() })
    }

    /// The instances of a service that take calls.
    pub(super) async fn list(&self, service: &str) -> Result<Vec<Place>, NacosError> {
        let (service, group) = names(service);
        let found = within(self.naming.get_all_instances(service, group, Vec::new(), false)).await?;
        Ok(places(&found))
    }

    /// Has every change of a service told to the table.
    pub(super) async fn subscribe(&self, service: &str) -> Result<(), NacosError> {
        let listener = Listener {
            service: service.to_owned(),
            shared: Arc::clone(&self.shared),
            is_over: Arc::clone(&self.is_over),
        };
        let (service, group) = names(service);
        within(self.naming.subscribe(service, group, Vec::new(), Arc::new(listener))).await
    }

    pub(super) async fn register(&self, instance: &Instance) -> Result<(), NacosError> {
        let (service, group) = names(&instance.service);
        within(self.naming.register_instance(service, group, service_instance(instance))).await
    }

    pub(super) async fn deregister(&self, instance: &Instance) -> Result<(), NacosError> {
        within(self.withdraw(instance)).await
    }

    /// On a new connection the client registers by itself what it had registered, and that may come after the first
    /// request here. Once that is answered, the client has done so and will not do it again.
    async fn withdraw(&self, instance: &Instance) -> nacos_sdk::api::error::Result<()> {
        for _ in 0..2 {
            let (service, group) = names(&instance.service);
            self.naming.deregister_instance(service, group, service_instance(instance)).await?;
        }
        Ok(())
    }

    /// Ends a session that another one has replaced. Its client can't be ended: it tries to connect for ever, with growing
    /// pauses, and would then register again what it had registered. So it is told, for the moment it is connected, to
    /// forget all.
    pub(super) async fn retire(self: Arc<Self>, own: Vec<Instance>, watched: Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let forgotten = |result: Result<(), nacos_sdk::api::error::Error>| result.is_ok();
        for instance in own {
            while !forgotten(self.withdraw(&instance).await) {
                tokio::time::sleep(ANSWER).await;
            }
        }
        for service in watched {
            let (service, group) = names(&service);
            let listener: Arc<dyn NamingEventListener> = Arc::new(Deaf);
            while !forgotten(
                self.naming
                    .unsubscribe(service.clone(), group.clone(), Vec::new(), Arc::clone(&listener))
                    .await,
            ) {
                tokio::time::sleep(ANSWER).await;
            }
        }
        tracing::debug!("registry.old_client_forgotten");
    }
}

async fn within<T>(call: impl Future<Output = nacos_sdk::api::error::Result<T>>) -> Result<T, NacosError> {
    Ok(timeout(ANSWER, call).await.map_err(|_elapsed| NacosError::Late(ANSWER))??)
}

fn names(service: &str) -> (String, Option<String>) {
    (service.to_owned(), Some(DEFAULT_GROUP.to_owned()))
}

fn service_instance(instance: &Instance) -> ServiceInstance {
    ServiceInstance {
        ip: instance.address.ip().to_string(),
        port: i32::from(instance.address.port()),
        weight: f64::from(instance.weight),
        metadata: instance.metadata.clone().into_iter().collect(),
        ..ServiceInstance::default()
    }
}

/// Those that are healthy, enabled, of some weight and at an address that can be read.
fn places(instances: &[ServiceInstance]) -> Vec<Place> {
    let usable = instances.iter().filter(|one| one.healthy && one.enabled && one.weight > 0.0);
    usable
        .filter_map(|one| {
            let port = u16::try_from(one.port).ok()?;
            Some((SocketAddr::new(one.ip.parse().ok()?, port), weight(one.weight)))
        })
        .collect()
}

/// A weight without a fraction; what has a weight keeps one.
fn weight(weight: f64) -> u32 {
    let scaled = (weight.min(WEIGHT_MAX) * f64::from(WEIGHT_SCALE)).round().max(1.0);
    // Between 1 and 1,000,000.
    scaled as u32
}

/// Takes pushes into the table. It runs on a thread of the client, which must not wait.
struct Listener {
    service: String,
    shared: Arc<Shared>,
    is_over: Arc<AtomicBool>,
}

impl NamingEventListener for Listener {
    fn event(&self, event: Arc<NamingChangeEvent>) {
        if let Some(instances) = &event.instances
            && !self.is_over.load(Ordering::Relaxed)
        {
            self.shared.hear(&self.service, &places(instances));
        }
    }
}

/// Nobody listens.
struct Deaf;

impl NamingEventListener for Deaf {
    fn event(&self, _: Arc<NamingChangeEvent>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_instances_that_take_calls_count_and_fractions_of_weights_too() {
        let good = ServiceInstance { ip: "10.0.0.1".into(), port: 1, weight: 10.0, ..Default::default() };
        let list = [
            good.clone(),
            ServiceInstance { port: 2, weight: 0.05, ..good.clone() },
            ServiceInstance { port: 3, weight: 0.0, ..good.clone() },
            ServiceInstance { port: 4, enabled: false, ..good.clone() },
            ServiceInstance { port: 5, healthy: false, ..good.clone() },
            ServiceInstance { port: -1, ..good.clone() },
            ServiceInstance { ip: "host".into(), ..good.clone() },
            ServiceInstance { port: 6, weight: f64::INFINITY, ..good },
        ];
        let found: Vec<_> = places(&list).iter().map(|(address, weight)| (address.port(), *weight)).collect();
        assert_eq!(found, [(1, 1000), (2, 5), (6, 1_000_000)]);
    }
}
