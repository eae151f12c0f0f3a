//! A store and its shards.

use std::sync::Arc;

use fanone_base::Bucket;
use futures::future::{BoxFuture, try_join_all};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement};

use crate::{Migration, StoreError, metric, migration, sqlite, writer::Writer};

/// All rows of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shards: Arc<[Shard]>,
}

impl Store {
    /// Opens the databases at `urls` and brings their schemas up to date. Each of them holds an
    /// equal range of the buckets, in order.
    pub async fn open(
        namespace: &'static str,
        urls: &[String],
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let shards = urls.iter().map(|url| Shard::open(namespace, url, migrations));
        Ok(Self { shards: try_join_all(shards).await?.into() })
    }

    /// The shard that holds `bucket`.
    #[expect(clippy::indexing_slicing, reason = "the index is below the number of shards by arithmetic")]
    pub fn shard(&self, bucket: Bucket) -> &Shard {
        &self.shards[self.index(bucket)]
    }

    /// The place of `bucket`'s shard in [`Store::shards`].
    pub fn index(&self, bucket: Bucket) -> usize {
        usize::from(bucket.number()) * self.shards.len() / usize::from(Bucket::COUNT)
    }

    /// `items` by the shard that holds each one's bucket, for one statement per shard; a shard without
    /// any is left out.
    pub fn by_shard<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        bucket: impl Fn(&T) -> Bucket,
    ) -> Vec<(&Shard, Vec<T>)> {
        let mut groups: Vec<(&Shard, Vec<T>)> = self.shards.iter().map(|shard| (shard, Vec::new())).collect();
        for item in items {
            if let Some((_, group)) = groups.get_mut(self.index(bucket(&item))) {
                group.push(item);
            }
        }
        groups.retain(|(_, group)| !group.is_empty());
        groups
    }

    /// Every shard: for what has no bucket to ask for.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Grows with every commit in any shard.
    pub fn version(&self) -> u64 {
        self.shards.iter().map(Shard::version).sum()
    }

    /// Whether every shard answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        try_join_all(self.shards.iter().map(Shard::ping)).await?;
        Ok(())
    }
}

/// One database. Cheap to clone.
#[derive(Clone)]
pub struct Shard {
    namespace: &'static str,
    source: Arc<str>,
    readers: DatabaseConnection,
    writer: Writer,
}

impl Shard {
    async fn open(namespace: &'static str, url: &str, migrations: &[Migration]) -> Result<Self, StoreError> {
        let path = url.strip_prefix("sqlite:").ok_or_else(|| StoreError::Url { url: url.to_owned() })?;
        let (mut readers, mut writer) = sqlite::open(path).await?;
        migration::run(&writer, namespace, migrations).await?;
        let source = identity(&writer, namespace).await?.into();
        metric::observe(&mut readers, namespace);
        metric::observe(&mut writer, namespace);
        Ok(Self { namespace, source, readers, writer: Writer::start(writer) })
    }

    /// Whose rows these are, for metrics and logs.
    pub fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// The name under which this shard sends batches, for ever.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Grows with every commit of this process.
    pub fn version(&self) -> u64 {
        self.writer.commits()
    }

    /// For statements that only read.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Runs `f` in a transaction: when this returns `Ok`, everything in it is stored durably; when
    /// it returns an error, nothing is. `f` may run more than once and must have no other effect.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        self.writer.run(f).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.readers
            .query_one_raw(Statement::from_string(self.readers.get_database_backend(), "SELECT 1"))
            .await?;
        Ok(())
    }
}

/// The database's own name, made when the database was: a database that is thrown away and made
/// anew starts its batches from 1 under another name.
async fn identity(connection: &DatabaseConnection, namespace: &str) -> Result<String, StoreError> {
    let backend = connection.get_database_backend();
    let find = || Statement::from_string(backend, "SELECT source FROM store_identity WHERE id = 1");
    if let Some(row) = connection.query_one_raw(find()).await? {
        return Ok(row.try_get_by_index(0)?);
    }
    let source = format!("{namespace}/{:016x}", rand::random::<u64>());
    let insert = Statement::from_sql_and_values(
        backend,
        "INSERT INTO store_identity (id, source) VALUES (1, ?)",
        [source.as_str().into()],
    );
    connection.execute_raw(insert).await?;
    Ok(source)
}
