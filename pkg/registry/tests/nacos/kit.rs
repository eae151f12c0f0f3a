//! Registries of pretended processes, and what they see.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use fanone_registry::{Instance, Options, Registry};
use volo::{context::Endpoint, discovery::Discover as _, net::Address};

/// A number that no other test of this run has.
fn number() -> u16 {
    static NUMBER: AtomicU16 = AtomicU16::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The name of a service that no other test has.
pub(crate) fn service() -> String {
    format!("fanone.test.{}.{}", std::process::id(), number())
}

/// An instance at an address of its own. Nobody listens there.
pub(crate) fn instance(service: &str) -> Instance {
    let instance = Instance::new(service, SocketAddr::from(([127, 0, 0, 1], number())));
    let metadata = [("version", "1.2.3"), ("language", "rust")];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Instance { metadata, ..instance }
}

/// The registry of a process that keeps what it knows in `folder`.
pub(crate) fn open(url: &str, folder: &Path) -> Registry {
    let options = Options { name: "test".to_owned(), folder: folder.to_owned(), advertise: None };
    Registry::open(url, options).unwrap()
}

/// A folder that stays until the test ends.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry");
    (folder, path)
}

/// The ports and the weights that a client of the registry would choose from.
pub(crate) async fn seen(registry: &Registry, service: &str) -> Vec<(u16, u32)> {
    let endpoint = Endpoint::new(service.to_owned().into());
    let found = registry.discover(&endpoint).await.unwrap_or_default();
    let place = |address: &Address| match address {
        Address::Ip(address) => address.port(),
        _ => 0,
    };
    let mut seen: Vec<_> = found.iter().map(|one| (place(&one.address), one.weight)).collect();
    seen.sort_unstable();
    seen
}

/// How long it takes until `registry` sees `wanted`.
pub(crate) async fn sees(
    registry: &Registry,
    service: &str,
    wanted: &[(u16, u32)],
    within: Duration,
) -> Duration {
    let begun = Instant::now();
    loop {
        let seen = seen(registry, service).await;
        if seen == wanted {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < within, "{seen:?} instead of {wanted:?} after {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
