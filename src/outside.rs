//! What lies outside of the program: the cache, the media store, models and the databases of its roles, opened before anything else
//! starts, so that one message names all that stands in the way.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use fanone_cache::Cache;
use fanone_config::{ConfigErrors, Fault, ModelUrl, Role, Settings};
use fanone_media::MediaStore;
use fanone_store::{Migration, Options, Store, StoreError, Versions, moving::Table};
use fanone_telemetry::chain;
use fanone_vectors::Prepared;
use futures::future::{join, join_all};

/// The opened parts.
pub(crate) struct Outside {
    pub(crate) cache: Arc<dyn Cache>,
    /// Opened for the front alone.
    media: Option<MediaStore>,
    models: Option<Models>,
    stores: HashMap<Role, Store>,
}

/// The present model, and the one before it.
#[derive(Clone)]
pub(crate) struct Models {
    pub(crate) present: Prepared,
    pub(crate) previous: Option<Prepared>,
}

impl Outside {
    /// The rows of a role.
    pub(crate) fn store(&self, role: Role) -> anyhow::Result<Store> {
        self.stores.get(&role).cloned().with_context(|| format!("{role} has no database"))
    }

    /// The media store of the front.
    pub(crate) fn media(&self) -> anyhow::Result<MediaStore> {
        self.media.clone().context("the media store is not open")
    }

    /// The models of the front.
    pub(crate) fn models(&self) -> anyhow::Result<Models> {
        self.models.clone().context("the model is not read")
    }

    /// The databases that are open, with their roles.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&Role, &Store)> {
        self.stores.iter()
    }
}

/// Opens what `roles` need.
pub(crate) async fn open(settings: &Settings, roles: &[Role]) -> anyhow::Result<Outside> {
    let (cache, media) = join(open_cache(settings), open_media(settings, roles)).await;
    let versions = cache.as_ref().ok().and_then(|cache| versions(settings, cache));
    let (stores, mut faults) = open_stores(settings, roles, versions).await;
    let models = read_models(settings, roles, |_| true);
    match (cache, media, models) {
        (Ok(cache), Ok(media), Ok(models)) if faults.is_empty() => {
            Ok(Outside { cache, media, models, stores })
        }
        (cache, media, models) => {
            faults.extend(cache.err());
            faults.extend(media.err());
            faults.extend(models.err().into_iter().flatten());
            ConfigErrors::of(faults)
                .map_or_else(|| anyhow::bail!("the cache is not open"), |errors| Err(errors.into()))
        }
    }
}

/// What the servers say to those settings of `roles` that are without a fault beside the `faulty` ones.
pub(crate) async fn faults(settings: &Settings, roles: &[Role], faulty: &ConfigErrors) -> Vec<Fault> {
    let is_sound = |key: &str| faulty.faults().iter().all(|fault| fault.key != key);
    let asked: Vec<Role> = roles
        .iter()
        .copied()
        .filter(|role| is_sound(&database_key(*role)) && is_on_server(settings, *role))
        .collect();
    let (_, mut faults) = open_stores(settings, &asked, None).await;
    if is_sound("cache.url") {
        faults.extend(open_cache(settings).await.err());
    }
    if is_sound("media.url") && !settings.media.url.is_embedded() {
        faults.extend(open_media(settings, roles).await.err());
    }
    faults.extend(read_models(settings, roles, is_sound).err().into_iter().flatten());
    faults
}

/// Whether asking leaves no files behind.
fn is_on_server(settings: &Settings, role: Role) -> bool {
    let shards = settings.database(role).into_iter().flat_map(|database| &database.shards);
    shards.flat_map(|shard| &shard.urls).all(|url| !url.is_embedded())
}

async fn open_stores(
    settings: &Settings,
    roles: &[Role],
    versions: Option<Arc<dyn Versions>>,
) -> (HashMap<Role, Store>, Vec<Fault>) {
    let services = roles.iter().copied().filter_map(|role| Some((role, schema(role)?)));
    let opened = services.map(|(role, migrations)| {
        let versions = versions.clone();
        async move {
            let Some(database) = settings.database(role) else { return (role, Ok(None)) };
            let opened = Store::open(database, &options(settings, role, migrations, versions)).await;
            (role, opened.map(Some))
        }
    });
    let (mut stores, mut faults) = (HashMap::new(), Vec::new());
    for (role, opened) in join_all(opened).await {
        match opened {
            Ok(store) => stores.extend(store.map(|store| (role, store))),
            Err(errors) => faults.extend(database_faults(settings, role, &errors)),
        }
    }
    (stores, faults)
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

async fn open_media(settings: &Settings, roles: &[Role]) -> Result<Option<MediaStore>, Fault> {
    if !roles.contains(&Role::Http) {
        return Ok(None);
    }
    let fault = |error| settings.fault("media.url", chain(&error));
    let media =
        MediaStore::open(&settings.media.url.with_secret(), settings.media.timeout()).map_err(fault)?;
    media.check().await.map_err(fault)?;
    Ok(Some(media))
}

/// The models as far as their files tell, of those settings that are `wanted`.
fn read_models(
    settings: &Settings,
    roles: &[Role],
    wanted: impl Fn(&str) -> bool,
) -> Result<Option<Models>, Vec<Fault>> {
    if !roles.contains(&Role::Http) {
        return Ok(None);
    }
    let read = |key: &str, url: &ModelUrl| {
        let model = wanted(key).then(|| Prepared::read(url)).transpose();
        model.map_err(|error| settings.fault(key, chain(&error)))
    };
    let present = read("model.url", &settings.model.url);
    let previous = settings.model.previous.as_ref().map(|url| read("model.previous", url)).transpose();
    match (present, previous) {
        (Ok(present), Ok(previous)) => {
            Ok(present.map(|present| Models { present, previous: previous.flatten() }))
        }
        (present, previous) => Err(present.err().into_iter().chain(previous.err()).collect()),
    }
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

fn database_key(role: Role) -> String {
    format!("{role}.database")
}

fn database_faults(settings: &Settings, role: Role, errors: &[StoreError]) -> Vec<Fault> {
    let key = database_key(role);
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
