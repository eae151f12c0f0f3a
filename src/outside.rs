//! What lies outside of the program: the cache and the databases of its roles, opened before anything else starts, so that
//! one message names all that stands in the way.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use fanone_cache::Cache;
use fanone_config::{ConfigErrors, Fault, Role, Settings};
use fanone_store::{Migration, Options, Store, StoreError, Versions, moving::Table};
use fanone_telemetry::chain;
use futures::future::join_all;

/// The opened parts.
pub(crate) struct Outside {
    pub(crate) cache: Arc<dyn Cache>,
    stores: HashMap<Role, Store>,
}

impl Outside {
    /// The rows of a role.
    pub(crate) fn store(&self, role: Role) -> anyhow::Result<Store> {
        self.stores.get(&role).cloned().with_context(|| format!("{role} has no database"))
    }

    /// The databases that are open, with their roles.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&Role, &Store)> {
        self.stores.iter()
    }
}

/// Opens what `roles` need.
pub(crate) async fn open(settings: &Settings, roles: &[Role]) -> anyhow::Result<Outside> {
    let mut faults = Vec::new();
    let cache = match open_cache(settings).await {
        Ok(cache) => Some(cache),
        Err(fault) => {
            faults.push(fault);
            None
        }
    };
    let versions = cache.as_ref().and_then(|cache| versions(settings, cache));
    let services = roles.iter().copied().filter_map(|role| Some((role, schema(role)?)));
    let opened = services.map(|(role, migrations)| {
        let versions = versions.clone();
        async move {
            let Some(database) = settings.database(role) else { return (role, Ok(None)) };
            let opened = Store::open(database, &options(settings, role, migrations, versions)).await;
            (role, opened.map(Some))
        }
    });
    let mut stores = HashMap::new();
    for (role, opened) in join_all(opened).await {
        match opened {
            Ok(store) => stores.extend(store.map(|store| (role, store))),
            Err(errors) => faults.extend(database_faults(settings, role, &errors)),
        }
    }
    match (ConfigErrors::of(faults), cache) {
        (None, Some(cache)) => Ok(Outside { cache, stores }),
        (Some(errors), _) => Err(errors.into()),
        (None, None) => anyhow::bail!("the cache is not open"),
    }
}

async fn open_cache(settings: &Settings) -> Result<Arc<dyn Cache>, Fault> {
    let section = &settings.cache;
    let options = fanone_cache::Options {
        timeout: section.timeout(),
        connections: section.connections,
        ..fanone_cache::Options::default()
    };
    let fault = |error| settings.fault("cache.url", chain(&error));
    let cache = fanone_cache::open(&section.url, &options).map_err(fault)?;
    cache.ping().await.map_err(fault)?;
    Ok(cache)
}

/// Brings the databases of all roles up to date and says what it does.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let mut faults = Vec::new();
    for (role, migrations) in Role::ALL.into_iter().filter_map(|role| Some((role, schema(role)?))) {
        let Some(database) = settings.database(role) else { continue };
        let options = options(settings, role, migrations, None);
        let say = |step| println!("{role}: {step}");
        if let Err(errors) = Store::migrate(database, &options, say).await {
            faults.extend(database_faults(settings, role, &errors));
        }
    }
    ConfigErrors::of(faults).map_or(Ok(()), |errors| Err(errors.into()))
}

pub(crate) fn options(
    settings: &Settings,
    role: Role,
    migrations: &'static [Migration],
    versions: Option<Arc<dyn Versions>>,
) -> Options {
    Options { namespace: role.as_str(), migrations, connections: settings.database.clone(), versions }
}

fn database_faults(settings: &Settings, role: Role, errors: &[StoreError]) -> Vec<Fault> {
    let key = format!("{role}.database");
    errors.iter().map(|error| settings.fault(&key, chain(error))).collect()
}

/// The schema of a role; the front keeps no rows.
pub(crate) fn schema(role: Role) -> Option<&'static [Migration]> {
    match role {
        Role::User => Some(fanone_user::MIGRATIONS),
        Role::Video => Some(fanone_video::MIGRATIONS),
        Role::Interaction => Some(fanone_interaction::MIGRATIONS),
        Role::Social => Some(fanone_social::MIGRATIONS),
        Role::Http => None,
    }
}

/// The tables of a role.
pub(crate) fn tables(role: Role) -> &'static [Table] {
    match role {
        Role::User => fanone_user::TABLES,
        Role::Video => fanone_video::TABLES,
        Role::Interaction => fanone_interaction::TABLES,
        Role::Social => fanone_social::TABLES,
        Role::Http => &[],
    }
}

/// Where processes find the versions of their shards: the cache, if it is one that they share.
fn versions(settings: &Settings, cache: &Arc<dyn Cache>) -> Option<Arc<dyn Versions>> {
    let shared = &*settings.cache.url != "memory:";
    shared.then(|| Arc::new(CachedVersions(Arc::clone(cache))) as Arc<dyn Versions>)
}

/// Versions of shards as values of the cache, under the names that the store gives them. Any new value will do: they are compared for being the same only.
struct CachedVersions(Arc<dyn Cache>);

/// A version that nobody has renewed for so long is forgotten, and made anew by the next reader.
const VERSION_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Versions for CachedVersions {
    async fn read(&self, shards: &[String]) -> Option<Vec<u64>> {
        let keys: Vec<&str> = shards.iter().map(String::as_str).collect();
        let values = self.0.shared_get(&keys).await.ok()?;
        let number =
            |value: &Option<Bytes>| Some(u64::from_le_bytes(value.as_ref()?.as_ref().try_into().ok()?));
        let numbers: Option<Vec<u64>> = values.iter().map(number).collect();
        if numbers.is_none() {
            self.renew(shards).await;
        }
        numbers
    }

    async fn renew(&self, shards: &[String]) {
        let fresh = || Bytes::copy_from_slice(&rand::random::<u64>().to_le_bytes());
        let items: Vec<(&str, Bytes)> = shards.iter().map(|shard| (shard.as_str(), fresh())).collect();
        if let Err(error) = self.0.shared_set(&items, VERSION_TTL).await {
            tracing::debug!(%error, "other processes may see rows that are a second old");
        }
    }
}
