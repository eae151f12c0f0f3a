//! The sections of the settings. Every field has the name of its key in `default.toml`, where its meaning stands.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::database::Database;
use crate::milvus::VectorsUrl;
use crate::url::{ConfigUrl, MediaUrl, Url};

/// How strict the program is with what was left to its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Missing keys are generated.
    Development,
    /// Every secret must be configured.
    Production,
}

/// The HTTP front.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address of the API.
    pub listen: SocketAddr,
    /// What media URLs start with; no slash at the end.
    pub public_url: String,
    /// Other origins whose pages may call the API and open the WebSocket.
    pub allowed_origins: Vec<String>,
    /// Largest form without a file.
    pub form_max_bytes: usize,
    /// Longest wait for the head of a request.
    pub header_timeout_ms: u64,
    /// Longest duration of a request that is no upload.
    pub request_timeout_ms: u64,
    /// Longest silence inside an upload.
    pub body_idle_timeout_ms: u64,
    /// Connections served at a time.
    pub connections_max: usize,
    /// Addresses whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long the front still takes requests once the program is told to end, so that balancers and clients can turn away.
    pub leave_ms: u64,
    /// How long open requests may take after that.
    pub drain_timeout_ms: u64,
}

impl Http {
    /// Longest wait for the head of a request.
    #[must_use]
    pub const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// Longest duration of a request that is no upload.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// Longest silence inside an upload.
    #[must_use]
    pub const fn body_idle_timeout(&self) -> Duration {
        Duration::from_millis(self.body_idle_timeout_ms)
    }

    /// How long the front still takes requests once the program is told to end.
    #[must_use]
    pub const fn leave_time(&self) -> Duration {
        Duration::from_millis(self.leave_ms)
    }

    /// How long open requests may take once it takes no more.
    #[must_use]
    pub const fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

/// The admin port.
#[derive(Clone, Debug, Deserialize)]
pub struct Admin {
    /// Address of health, metrics and profiles.
    pub listen: SocketAddr,
}

/// A Thrift service: `[user]`, `[video]`, `[interaction]` and `[social]`.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Address of its Thrift port.
    pub listen: SocketAddr,
    /// Where it keeps its rows.
    pub database: Database,
}

/// The connections to database servers: `[database]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connections {
    /// Of one role to one shard.
    pub connections_max: u32,
    /// Longest wait for a free connection, or for a new one.
    pub acquire_timeout_ms: u64,
    /// Longest run of a transaction.
    pub transaction_timeout_ms: u64,
    /// A connection that was not used for so long is closed.
    pub idle_timeout_s: u64,
    /// A connection is closed after this time and made anew.
    pub lifetime_s: u64,
}

impl Default for Connections {
    /// As in the default document.
    fn default() -> Self {
        Self {
            connections_max: 16,
            acquire_timeout_ms: 1000,
            transaction_timeout_ms: 5000,
            idle_timeout_s: 300,
            lifetime_s: 1800,
        }
    }
}

impl Connections {
    /// Longest wait for a free connection, or for a new one.
    #[must_use]
    pub const fn acquire_timeout(&self) -> Duration {
        Duration::from_millis(self.acquire_timeout_ms)
    }

    /// Longest run of a transaction.
    #[must_use]
    pub const fn transaction_timeout(&self) -> Duration {
        Duration::from_millis(self.transaction_timeout_ms)
    }

    /// A connection that was not used for so long is closed.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_s)
    }

    /// A connection is closed after this time and made anew.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_s)
    }
}

/// The cache.
#[derive(Clone, Debug, Deserialize)]
pub struct Cache {
    /// `memory:`, `redis://…`, `redis+sentinel://…` or `redis+cluster://…`.
    pub url: Url,
    /// Longest operation.
    pub timeout_ms: u64,
    /// Connections of one process.
    pub connections: usize,
}

impl Cache {
    /// Longest operation.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Where the instances of a service are.
#[derive(Clone, Debug, Deserialize)]
pub struct Registry {
    /// `memory:`, `static:NAME=IP:PORT,…` or `nacos://…`.
    pub url: Url,
    /// The IP address of this process for others; empty: where it listens.
    pub advertise: String,
}

impl Registry {
    /// The IP address of this process for others, if it is set.
    #[must_use]
    pub fn advertise(&self) -> Option<IpAddr> {
        self.advertise.parse().ok()
    }
}

/// Live settings.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where their documents are.
    pub url: ConfigUrl,
}

/// The search by vectors.
#[derive(Clone, Debug, Deserialize)]
pub struct Vectors {
    /// `memory:` or `milvus://…`.
    pub url: VectorsUrl,
    /// Longest search on a server.
    pub timeout_ms: u64,
}

impl Vectors {
    /// Longest search on a server.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Pictures and videos.
#[derive(Clone, Debug, Deserialize)]
pub struct Media {
    /// Where they are stored.
    pub url: MediaUrl,
    /// Longest wait for the answer of a bucket to one request, beside the time of its bytes.
    pub timeout_ms: u64,
    /// Above 0: who asks for a file is sent to the bucket, by a URL that lives so long.
    pub redirect_s: u64,
    /// Largest picture file.
    pub picture_max_bytes: usize,
    /// Longest side of a picture, pixels.
    pub picture_max_side: u32,
    /// Largest video file.
    pub video_max_bytes: u64,
    /// The program that takes covers from videos.
    pub ffmpeg: String,
    /// Longest run of that program.
    pub ffmpeg_timeout_ms: u64,
}

impl Media {
    /// Longest wait for the answer of a bucket to one request.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long the URLs live by which the bucket answers in our place; none: it does not.
    #[must_use]
    pub const fn redirect(&self) -> Option<Duration> {
        match self.redirect_s {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        }
    }

    /// Longest run of the program that takes covers.
    #[must_use]
    pub const fn ffmpeg_timeout(&self) -> Duration {
        Duration::from_millis(self.ffmpeg_timeout_ms)
    }
}

/// Resumable uploads.
#[derive(Clone, Debug, Deserialize)]
pub struct Upload {
    /// An unfinished upload is kept this long after it began.
    pub lifetime_s: u64,
    /// What a killed server may lose of an upload.
    pub segment_bytes: usize,
    /// Uploads written at a time.
    pub concurrent_max: usize,
}

impl Upload {
    /// An unfinished upload is kept this long after it began.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime_s)
    }
}

/// The WebSocket chat.
#[derive(Clone, Debug, Deserialize)]
pub struct Chat {
    /// Largest WebSocket frame and message.
    pub frame_max_bytes: usize,
    /// Longest message, characters.
    pub content_max_chars: usize,
    /// Between two pings.
    pub ping_interval_s: u64,
    /// Connections of one user at a time.
    pub connections_per_user: usize,
    /// Members of one group.
    pub group_members_max: u32,
}

impl Chat {
    /// Time between two pings.
    #[must_use]
    pub const fn ping_interval(&self) -> Duration {
        Duration::from_secs(self.ping_interval_s)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line to be read by people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// Logs and traces.
#[derive(Clone, Debug, Deserialize)]
pub struct Telemetry {
    /// Directives as in `RUST_LOG`.
    pub log_level: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where traces go; empty: nowhere.
    pub otlp: Url,
    /// Of a thousand requests, how many are traced.
    pub sample_per_mille: u16,
}

/// Tokens and keys.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity {
    /// Life of a user's access token.
    pub access_ttl_s: u64,
    /// Life of a user's refresh token.
    pub refresh_ttl_s: u64,
    /// Life of a service token.
    pub service_ttl_s: u64,
    /// Foreign programs that may call what the front calls for its users.
    pub clients: Vec<String>,
    /// Folder of the key files.
    pub keys: PathBuf,
}

impl Identity {
    /// Life of a user's access token.
    #[must_use]
    pub const fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.access_ttl_s)
    }

    /// Life of a user's refresh token.
    #[must_use]
    pub const fn refresh_ttl(&self) -> Duration {
        Duration::from_secs(self.refresh_ttl_s)
    }

    /// Life of a service token.
    #[must_use]
    pub const fn service_ttl(&self) -> Duration {
        Duration::from_secs(self.service_ttl_s)
    }
}

/// How calls are spread over the instances of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balancing {
    /// Smoothly by their weights.
    Weighted,
    /// One after the other.
    Plain,
}

/// Calls between services.
#[derive(Clone, Debug, Deserialize)]
pub struct Calls {
    /// Longest call.
    pub rpc_timeout_ms: u64,
    /// Longest wait for a connection.
    pub connect_timeout_ms: u64,
    /// Largest frame taken.
    pub frame_max_bytes: usize,
    /// Requests that one service works on at a time.
    pub concurrent_max: usize,
    /// How calls are spread.
    pub balancer: Balancing,
}

impl Calls {
    /// Longest call.
    #[must_use]
    pub const fn rpc_timeout(&self) -> Duration {
        Duration::from_millis(self.rpc_timeout_ms)
    }

    /// Longest wait for a connection.
    #[must_use]
    pub const fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}
