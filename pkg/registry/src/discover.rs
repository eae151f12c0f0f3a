//! The registry as volo's clients see it.

use std::sync::Arc;

use volo::{
    FastStr,
    context::Endpoint,
    discovery::{Change, Discover, Instance},
    loadbalance::error::LoadBalanceError,
};

use crate::Registry;

impl Discover for Registry {
    type Key = FastStr;
    type Error = LoadBalanceError;

    fn discover<'s>(
        &'s self,
        endpoint: &'s Endpoint,
    ) -> impl Future<Output = Result<Vec<Arc<Instance>>, LoadBalanceError>> + Send {
        let name = endpoint.service_name_ref();
        let unknown = || LoadBalanceError::Discover(format!("no instance of {name} is known").into());
        std::future::ready(self.table.get(name).ok_or_else(unknown))
    }

    fn key(&self, endpoint: &Endpoint) -> FastStr {
        endpoint.service_name()
    }

    /// Nothing to watch: every call asks anew.
    fn watch(&self, _: Option<&[FastStr]>) -> Option<async_broadcast::Receiver<Change<FastStr>>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::{Instance, Options};

    fn at(port: u16) -> Instance {
        Instance::new("fanone.user", SocketAddr::from(([127, 0, 0, 1], port)))
    }

    async fn addresses(registry: &Registry) -> Vec<String> {
        let endpoint = Endpoint::new("fanone.user".into());
        match registry.discover(&endpoint).await {
            Ok(found) => found.iter().map(|instance| instance.address.to_string()).collect(),
            Err(_) => Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_registration_and_its_end_count_at_once_in_every_clone() {
        let registry = Registry::memory();
        let client = registry.clone();
        assert!(addresses(&client).await.is_empty());

        registry.register(at(1)).await.unwrap();
        registry.register(at(2)).await.unwrap();
        registry.register(Instance { weight: 3, ..at(1) }).await.unwrap();
        assert_eq!(addresses(&client).await, ["127.0.0.1:2", "127.0.0.1:1"]);

        registry.deregister(&at(2)).await.unwrap();
        assert_eq!(addresses(&client).await, ["127.0.0.1:1"]);
    }

    #[tokio::test]
    async fn a_fixed_list_stays_as_it_is() {
        let registry = Registry::open("static:fanone.user=127.0.0.1:7", Options::default()).unwrap();
        registry.register(at(8)).await.unwrap();
        registry.deregister(&at(7)).await.unwrap();
        assert_eq!(addresses(&registry).await, ["127.0.0.1:7"]);
    }
}
