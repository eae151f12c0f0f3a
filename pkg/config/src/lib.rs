//! Typed settings: the embedded defaults, then a file, then the environment, then live documents.
//!
//! The default document (`default.toml`) is the schema: what it does not name is refused, and each value must have
//! the type of its default. All faults are reported at once, each with its key, the place it was set and what was
//! expected, so that an operator corrects a file in one go.
//!
//! ```
//! let settings = fanone_config::Settings::load(None, fanone_config::environment())?;
//! println!("{}", settings.http.listen);
//! # Ok::<(), fanone_config::ConfigErrors>(())
//! ```
//!
//! [`Layers`] lays documents over the settings while the program runs; whoever works by a [`Live`] value asks for it at
//! each use.

mod authority;
mod database;
mod document;
mod fault;
mod live;
mod live_sections;
mod mask;
mod milvus;
mod model;
mod nacos;
mod render;
mod role;
mod rules;
mod sections;
mod settings;
mod url;

pub use database::{Buckets, Database, ShardPlace};
pub use fault::{ConfigErrors, Fault, Origin};
pub use live::{Change, DOCUMENT_BYTES_MAX, Layers, Live, LiveValues};
pub use live_sections::{Counters, Features, Limits};
pub use milvus::{MilvusUrl, VectorsUrl};
pub use model::{DIMENSION_MAX, Model, ModelPlace, ModelUrl, ModelUrlRefused, RemoteModel};
pub use nacos::NacosUrl;
pub use role::{Role, UnknownRole};
pub use rules::{CLIENT_NAMES, is_client};
pub use sections::{
    Admin, Balancing, Cache, Calls, Chat, Config, Connections, Http, Identity, LogFormat, Media, Mode,
    Registry, Service, Telemetry, Upload, Vectors,
};
pub use settings::{Settings, environment};
pub use url::{ConfigUrl, DatabaseUrl, MediaUrl, Url, UrlRefused};
