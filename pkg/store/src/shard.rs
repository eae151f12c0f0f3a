//! One shard: a database, or a cluster of them.

use std::sync::Arc;

use fanone_config::{DatabaseUrl, ShardPlace};
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, Statement, sqlx::mysql::MySqlConnectOptions};

use crate::{
    Options, Reader, StoreError, Tx, layout,
    metric::Durations,
    migration,
    mysql::{self, Nodes},
    outbox::Backlog,
    presence, sqlite,
    versions::{ShardVersion, StoreVersions},
    work::{Queue, Repeat},
};

/// One database. Cheap to clone.
#[derive(Clone)]
pub struct Shard {
    namespace: &'static str,
    place: usize,
    source: Arc<str>,
    reader: Reader,
    queue: Queue,
    version: ShardVersion,
    backlog: Backlog,
}

impl Shard {
    /// Opens the shard at `place` of the settings. An embedded database is brought up to date; a server's must be.
    pub(crate) async fn open(
        place: usize,
        shard: &ShardPlace,
        options: &Options,
        versions: &StoreVersions,
    ) -> Result<Self, StoreError> {
        let namespace = options.namespace;
        let durations = Durations::of(namespace, system(shard));
        let (reader, queue, version) = match shard.urls.first() {
            Some(DatabaseUrl::Sqlite(path)) => {
                let (mut readers, mut writer) = sqlite::open(&path.display().to_string()).await?;
                migration::run_embedded(&writer, &shard.to_string(), options).await?;
                layout::record(&writer, &shard.buckets).await?;
                durations.observe(&mut readers);
                durations.observe(&mut writer);
                // An embedded database is this process' own, so its versions are too.
                let version = ShardVersion::new(place, StoreVersions::new(None, Vec::new()));
                let queue = sqlite::start(writer, &version);
                (Reader::sqlite(readers), queue, version)
            }
            _ => {
                let version = ShardVersion::new(place, versions.clone());
                let nodes = connect(shard, options, &durations)?;
                nodes.watch(place);
                nodes.reach(&shard.to_string()).await?;
                let queue = mysql::start(&nodes, &version);
                (Reader::mysql(nodes), queue, version)
            }
        };
        migration::check(&reader, &shard.to_string(), options).await?;
        // Before the layout is looked at: whoever moves buckets marks them first and looks for us then.
        if let Some(nodes) = reader.nodes() {
            presence::announce(nodes).await?;
        }
        layout::check(&reader, shard).await?;
        let source = migration::identity(&reader).await?.into();
        Ok(Self { namespace, place, source, reader, queue, version, backlog: Backlog::default() })
    }

    /// Whose rows these are, for metrics and logs.
    pub fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// The shard's place in the settings, from 0, for metrics and logs.
    pub fn place(&self) -> usize {
        self.place
    }

    /// The name under which this shard sends batches, for ever.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Changes with every commit, whichever process makes it; `None` while it can't be known.
    pub async fn version(&self) -> Option<u64> {
        self.version.read().await
    }

    /// Whether other processes may use the same rows.
    pub fn is_shared(&self) -> bool {
        self.reader.nodes().is_some()
    }

    /// For statements that only read.
    pub fn read(&self) -> &Reader {
        &self.reader
    }

    /// Runs `f` in a transaction: when this returns `Ok`, everything in it is stored durably; when
    /// it returns an error, nothing is, unless the error is [`StoreError::Unknown`]. `f` may run more than once and must
    /// have no other effect.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        self.queue.run(Repeat::Never, f).await
    }

    /// The same for a transaction that, stored twice, changes nothing more than stored once: when it can't be known
    /// whether it was stored it is run again.
    pub async fn write_idempotent<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        self.queue.run(Repeat::Harmless, f).await
    }

    /// The same shard for one job, which shows lags of its own.
    pub(crate) fn for_job(&self) -> Self {
        Self { backlog: Backlog::default(), ..self.clone() }
    }

    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    pub(crate) fn shared_version(&self) -> &ShardVersion {
        &self.version
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let select = Statement::from_string(self.reader.get_database_backend(), "SELECT 1");
        self.reader.query_one_raw(select).await?;
        Ok(())
    }
}

/// What its database is called by OpenTelemetry.
fn system(shard: &ShardPlace) -> &'static str {
    if shard.urls.iter().all(DatabaseUrl::is_embedded) { "sqlite" } else { "mysql" }
}

/// The nodes of a shard on a server. Nothing is connected yet.
pub(crate) fn connect(
    shard: &ShardPlace,
    options: &Options,
    durations: &Durations,
) -> Result<Nodes, StoreError> {
    let mut nodes = Vec::new();
    for url in &shard.urls {
        let DatabaseUrl::Mysql(text) = url else { continue };
        let parsed: Result<MySqlConnectOptions, _> = text.parse();
        let wrong = |reason: String| StoreError::Unreachable { place: url.to_string(), reason };
        nodes.push(parsed.map_err(|error| wrong(format!("no usable URL: {error}")))?);
    }
    Ok(Nodes::new(options.namespace, nodes, &options.connections, durations))
}
