//! A store and its shards.

use std::sync::Arc;

use fanone_base::Bucket;
use fanone_config::{Connections, Database, DatabaseUrl};
use futures::future::{join_all, try_join_all};

use crate::{Migration, Shard, StoreError, Versions, migration, versions::StoreVersions};

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// Whose rows they are: the name of the role.
    pub namespace: &'static str,
    /// The schema of that role.
    pub migrations: &'static [Migration],
    /// Limits of the connections to a server.
    pub connections: Connections,
    /// Where all processes that write the same shards find their versions; `None`: there is only this one.
    pub versions: Option<Arc<dyn Versions>>,
}

/// All rows of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shards: Arc<[Shard]>,
    /// Of each bucket, the place of its shard.
    places: Arc<[u16]>,
    versions: StoreVersions,
}

impl Store {
    /// Opens the databases of the settings. Embedded ones are made and brought up to date; those of servers must be.
    ///
    /// # Errors
    ///
    /// Everything that stands in the way, of all shards.
    pub async fn open(database: &Database, options: &Options) -> Result<Self, Vec<StoreError>> {
        let name = |place: usize| format!("version:{}:{place}", options.namespace);
        let names = (0..database.shards.len()).map(name).collect();
        let versions = StoreVersions::new(options.versions.clone(), names);
        let opened = database.shards.iter().enumerate();
        let opened = opened.map(|(place, shard)| Shard::open(place, shard, options, &versions));
        let (mut shards, mut errors) = (Vec::new(), Vec::new());
        for shard in join_all(opened).await {
            match shard {
                Ok(shard) => shards.push(shard),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { shards: shards.into(), places: places(database), versions })
        } else {
            Err(errors)
        }
    }

    /// Opens files as the shards of a store, with equal parts of the buckets.
    ///
    /// # Errors
    ///
    /// What stands in the way of the first file that can't be opened.
    pub async fn embedded(
        namespace: &'static str,
        paths: &[std::path::PathBuf],
        migrations: &'static [Migration],
    ) -> Result<Self, StoreError> {
        let urls = paths.iter().map(|path| vec![DatabaseUrl::sqlite(path)]);
        let connections = Connections::default();
        let options = Options { namespace, migrations, connections, versions: None };
        Self::open(&Database::even(urls), &options).await.map_err(|mut errors| errors.swap_remove(0))
    }

    /// Brings the databases of the settings up to date, one after the other. `progress` is told of each step.
    ///
    /// # Errors
    ///
    /// Everything that stands in the way, of all shards. What was done stays, and the next call goes on from there.
    pub async fn migrate(
        database: &Database,
        options: &Options,
        progress: impl Fn(String),
    ) -> Result<(), Vec<StoreError>> {
        let mut errors = Vec::new();
        for shard in &database.shards {
            if let Err(error) = migration::run(shard, options, &progress).await {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The shard that holds `bucket`.
    #[expect(clippy::indexing_slicing, reason = "places name shards that exist")]
    pub fn shard(&self, bucket: Bucket) -> &Shard {
        &self.shards[self.index(bucket)]
    }

    /// The place of `bucket`'s shard in [`Store::shards`].
    pub fn index(&self, bucket: Bucket) -> usize {
        self.places.get(usize::from(bucket.number())).copied().map_or(0, usize::from)
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

    /// Changes with every commit in any shard; `None` while it can't be known.
    pub async fn version(&self) -> Option<u64> {
        self.versions.of_all(self.shards.iter().map(Shard::shared_version)).await
    }

    /// Whether every shard answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        try_join_all(self.shards.iter().map(Shard::ping)).await?;
        Ok(())
    }
}

fn places(database: &Database) -> Arc<[u16]> {
    let place =
        |bucket: u16| database.shards.iter().position(|shard| shard.buckets.holds(bucket)).unwrap_or(0);
    // There are far fewer shards than buckets.
    (0..Bucket::COUNT).map(|bucket| u16::try_from(place(bucket)).unwrap_or(0)).collect()
}
