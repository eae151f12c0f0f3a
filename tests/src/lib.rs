//! The harness of the black-box tests: it starts the real program with a data folder and ports of
//! its own and talks to it as any client would, by HTTP and WebSocket.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `FANONE_BIN` | the program; default: `fanone` in the folder where cargo builds |
//! | `FANONE_TEST_FORM` | `one` process (default), `five`, one per role, or `ten`, two per role |
//! | `FANONE_TEST_WORLD` | `embedded` parts (default); `real`: MariaDB and Redis; `shards`: the same, two databases per service |
//! | `FANONE_TEST_REGISTRY` | where there are several processes: a `static` list (default), or `nacos`, for live settings too |
//! | `FANONE_TEST_MEDIA` | media are in a `folder` (default), or in a bucket: `s3` |
//! | `FANONE_TEST_PYTHON` | a Python with the packages of `clients/python/requirements.txt`; default: the one that `scripts/test models` makes |
//! | `FANONE_TEST_TRACES` | `off` (default), or everything is traced: `jaeger` |
//! | `FANONE_TEST_SEED` | repeats a random test with the seed that it printed |
//! | `FANONE_TEST_KEEP` | set: data folders and logs are kept for a look |
#![expect(clippy::expect_used, reason = "a step of the harness that fails ends the test, with its name")]

pub mod answer;
pub mod chat;
pub mod client;
pub mod clips;
pub mod embedding;
mod folder;
mod instance;
pub mod jaeger;
pub mod mariadb;
pub mod markdown;
pub mod metrics;
mod milvus;
pub mod nacos;
pub mod pictures;
mod ports;
mod process;
pub mod raw;
pub mod relay;
pub mod request;
pub mod site;
pub mod tus;
mod wait;
pub mod world;

pub use answer::{Answer, Json};
pub use chat::Chat;
pub use client::Client;
pub use fanone_base::Code;
pub use jaeger::Jaeger;
pub use mariadb::Mariadb;
pub use metrics::Metrics;
pub use milvus::Milvus;
pub use process::Signal;
pub use request::{Encoding, Request};
pub use site::Site;
pub use wait::{eventually, eventually_within};

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// `name` made unique for this run, because many tests share a site.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{:x}-{count}", std::process::id())
}

/// A place in the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
