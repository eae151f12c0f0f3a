//! What the tests on real servers share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fanone_cache::{Cache, Options, open};

/// The longest time that anything may take to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The URL of a server that `scripts/servers` has started.
pub(crate) fn server(name: &str) -> String {
    let folder =
        std::env::var_os("FANONE_SERVERS_DIR").map_or_else(|| root().join(".cache/servers"), PathBuf::from);
    let lines = std::fs::read_to_string(folder.join("env")).unwrap_or_default();
    let start = format!("FANONE_TEST_{}=", name.to_uppercase());
    match lines.lines().find_map(|line| line.strip_prefix(&start)) {
        Some(url) => url.to_owned(),
        None => panic!("no {name} to test with: run scripts/servers up {name}"),
    }
}

/// Times that a busy machine keeps.
pub(crate) fn patient() -> Options {
    Options { timeout: Duration::from_secs(5), connect_timeout: Duration::from_secs(5), connections: 2 }
}

pub(crate) fn cache(url: &str, options: &Options) -> Arc<dyn Cache> {
    open(url, options).unwrap()
}

/// A key that no other test uses, nor an earlier run of this one.
pub(crate) fn key(name: &str) -> String {
    format!("test:{:016x}:{name}", rand::random::<u64>())
}
