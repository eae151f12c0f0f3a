//! The collections of our models.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use milvus::v2::prelude::{
    AlterAliasRequest, CollectionSchema, ConsistencyLevel, CreateAliasRequest, CreateCollectionRequest,
    CreateIndexRequest, DataType, DescribeCollectionRequest, DropAliasRequest, DropCollectionRequest,
    FieldSchema, GetLoadStateRequest, IndexParam, IndexType, ListCollectionsRequest, LoadCollectionRequest,
    LoadState, MetricType,
};

use super::link::{Link, PATIENT};
use crate::{Of, VectorError};

/// The primary key: the id of a picture.
pub(super) const ID: &str = "id";
pub(super) const VECTOR: &str = "vector";

/// Of HNSW: links of a vector, and how many candidates are looked at while it is built. A recall of 0.98 among 50,000.
const LINKS: (&str, &str) = ("M", "16");
const BUILD_EFFORT: (&str, &str) = ("efConstruction", "200");
/// How many candidates a search looks at, at least; it must look at as many as it gives.
const SEARCH_EFFORT_MIN: i64 = 64;
/// A new collection is ready within this time.
const READY_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Collections {
    pub(super) link: Link,
    prefix: String,
    /// Of the models whose alias is there.
    dimensions: RwLock<HashMap<String, usize>>,
    making: tokio::sync::Mutex<()>,
}

/// What search looks at.
pub(super) fn effort(limit: i64) -> HashMap<String, String> {
    HashMap::from([("ef".to_owned(), limit.max(SEARCH_EFFORT_MIN).to_string())])
}

impl Collections {
    pub(super) fn new(link: Link, prefix: &str) -> Self {
        Self {
            link,
            prefix: format!("{prefix}_pictures_"),
            dimensions: RwLock::default(),
            making: Default::default(),
        }
    }

    /// The name by which a model's collection is used. Names of models that differ in nothing that Milvus takes
    /// have the same; the collection's description says whose it is.
    pub(super) fn alias(&self, model: &str) -> String {
        let mut alias = self.prefix.clone();
        for letter in model.chars() {
            match letter.to_ascii_lowercase() {
                letter if letter.is_ascii_alphanumeric() => alias.push(letter),
                _ if alias.ends_with('_') => {}
                _ => alias.push('_'),
            }
        }
        alias
    }

    fn remembered(&self, model: &str) -> Option<usize> {
        self.dimensions.read().unwrap_or_else(PoisonError::into_inner).get(model).copied()
    }

    fn remember(&self, model: &str, dimension: usize) {
        self.dimensions.write().unwrap_or_else(PoisonError::into_inner).insert(model.to_owned(), dimension);
    }

    /// The collection of `model` may be another one, or none.
    pub(super) fn forget(&self, model: &str) {
        self.dimensions.write().unwrap_or_else(PoisonError::into_inner).remove(model);
    }

    /// The dimension of a model's collection, if there is one. It is asked for as a search does: not while Milvus is away.
    pub(super) async fn known_dimension(
        &self,
        model: &str,
        limit: Duration,
    ) -> Result<Option<usize>, VectorError> {
        if let Some(dimension) = self.remembered(model) {
            return Ok(Some(dimension));
        }
        let alias = self.alias(model);
        let request = async |client: milvus::v2::ClientV2| {
            client
                .describe_collection(DescribeCollectionRequest::builder().collection_name(&alias).build()?)
                .await
        };
        let described = self.link.call_if_there("describe", limit, request).await;
        let Some(described) = unless_gone(described)? else { return Ok(None) };
        let schema = described.description().get_schema();
        let foreign = |reason: String| VectorError::Foreign { collection: alias.clone(), reason };
        if schema.get_description() != model {
            return Err(foreign(format!("it is of the model {:?}, not {model:?}", schema.get_description())));
        }
        let field = schema.get_fields().iter().find(|field| field.get_name() == VECTOR);
        let field = field.filter(|field| field.get_data_type() == DataType::FloatVector);
        let field = field.ok_or_else(|| foreign(format!("it has no vectors in a field {VECTOR}")))?;
        let dimension = usize::try_from(field.get_dimension()).unwrap_or_default();
        self.remember(model, dimension);
        Ok(Some(dimension))
    }

    /// The dimension of a model's collection, which is made if there is none.
    pub(super) async fn dimension_or_make(
        &self,
        model: &str,
        dimension: usize,
    ) -> Result<usize, VectorError> {
        let _alone = self.making.lock().await;
        if let Some(dimension) = self.known_dimension(model, PATIENT).await? {
            return Ok(dimension);
        }
        let collection = self.make(model, dimension).await?;
        let alias = self.alias(model);
        if self.create_alias(&alias, &collection).await.is_err() {
            // Another process was quicker, perhaps.
            if let Some(dimension) = self.known_dimension(model, PATIENT).await? {
                self.discard(&collection).await?;
                return Ok(dimension);
            }
            self.point(model, &collection).await?;
        }
        tracing::info!(
            collection,
            "made a collection; `fanone reindex` fills it with what is in the database already"
        );
        self.remember(model, dimension);
        Ok(dimension)
    }

    /// Has the alias of a model stand for this collection from now on.
    pub(super) async fn point(&self, model: &str, collection: &str) -> Result<(), VectorError> {
        let alias = self.alias(model);
        // An alias outlives a collection that somebody dropped.
        let altered = self
            .link
            .call("alter_alias", PATIENT, async |client| {
                let request = AlterAliasRequest::builder().alias(&alias).collection_name(collection);
                client.alter_alias(request.build()?).await
            })
            .await;
        self.forget(model);
        if unless_gone(altered)?.is_some() {
            return Ok(());
        }
        self.create_alias(&alias, collection).await
    }

    async fn create_alias(&self, alias: &str, collection: &str) -> Result<(), VectorError> {
        self.link
            .call("create_alias", PATIENT, async |client| {
                let request = CreateAliasRequest::builder().alias(alias).collection_name(collection);
                client.create_alias(request.build()?).await
            })
            .await
    }

    /// A new collection of a model, ready to be searched, without an alias.
    pub(super) async fn make(&self, model: &str, dimension: usize) -> Result<String, VectorError> {
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{}__g{}", self.alias(model), age.as_millis());
        let length = u32::try_from(dimension).unwrap_or(u32::MAX);
        let schema = CollectionSchema::new()
            .description(model)
            .add_field(FieldSchema::new().name(ID).data_type(DataType::Int64).primary_key(true))
            .add_field(FieldSchema::new().name(VECTOR).data_type(DataType::FloatVector).dimension(length));
        let params = [LINKS, BUILD_EFFORT].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let index = IndexParam::new()
            .field_name(VECTOR)
            .index_type(IndexType::Hnsw)
            .metric_type(MetricType::Cosine)
            .extra_params(params.into());
        self.link
            .call("create_collection", PATIENT, async |client| {
                let collection = CreateCollectionRequest::builder().collection_name(&name).schema(schema);
                let collection = collection.consistency_level(ConsistencyLevel::Bounded).build()?;
                client.create_collection(collection).await?;
                let request = CreateIndexRequest::builder().collection_name(&name).index_param(index);
                // To wait for it by the client's own means asks for more than every Milvus has.
                client.create_index(request.sync(false).build()?).await?;
                let request = LoadCollectionRequest::builder().collection_name(&name).sync(false).build()?;
                client.load_collection(request).await
            })
            .await?;
        self.await_loaded(&name).await?;
        Ok(name)
    }

    async fn await_loaded(&self, name: &str) -> Result<(), VectorError> {
        let loaded = async {
            while self.load_state(name, PATIENT).await? != LoadState::Loaded {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        };
        let late = |_elapsed| Err(VectorError::Gone(format!("{name}: it is not ready in time")));
        Box::pin(tokio::time::timeout(READY_MAX, loaded)).await.unwrap_or_else(late)
    }

    async fn load_state(&self, name: &str, limit: Duration) -> Result<LoadState, VectorError> {
        let state = async |client: milvus::v2::ClientV2| {
            client.get_load_state(GetLoadStateRequest::builder().collection_name(name).build()?).await
        };
        Ok(self.link.call_if_there("get_load_state", limit, state).await?.state())
    }

    /// Whether Milvus lets us in, and each collection that is used is loaded; what is not, is asked to be.
    pub(super) async fn check(&self, limit: Duration) -> Result<(), VectorError> {
        self.names(limit).await?;
        let models: Vec<String> =
            self.dimensions.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for alias in models.iter().map(|model| self.alias(model)) {
            if self.load_state(&alias, limit).await? == LoadState::NotLoad {
                self.load(&alias, limit).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn load(&self, name: &str, limit: Duration) -> Result<(), VectorError> {
        self.link
            .call_if_there("load", limit, async |client| {
                let request = LoadCollectionRequest::builder().collection_name(name).sync(false).build()?;
                client.load_collection(request).await
            })
            .await
    }

    /// The names of all collections that are ours, of sites with our prefix.
    async fn names(&self, limit: Duration) -> Result<Vec<String>, VectorError> {
        let listed = async |client: milvus::v2::ClientV2| {
            client.list_collections(ListCollectionsRequest::builder().build()?).await
        };
        let listed = self.link.call("list_collections", limit, listed).await?;
        let names = listed.collection_names().iter();
        Ok(names.filter(|name| name.starts_with(&self.prefix)).cloned().collect())
    }

    /// The names of the collections of some models, those that are being built among them.
    pub(super) async fn of(&self, models: Of<'_>) -> Result<Vec<String>, VectorError> {
        let mut names = self.names(PATIENT).await?;
        if let Of::Only(model) = models {
            names.retain(|name| self.is_of(name, model));
        }
        Ok(names)
    }

    fn is_of(&self, name: &str, model: &str) -> bool {
        name.rsplit_once("__g").is_some_and(|(alias, _)| alias == self.alias(model))
    }

    /// Drops the collections of all other models; answers their names.
    pub(super) async fn discard_others(&self, models: &[&str]) -> Result<Vec<String>, VectorError> {
        let mut names = self.names(PATIENT).await?;
        names.retain(|name| name.contains("__g") && !models.iter().any(|model| self.is_of(name, model)));
        for name in &names {
            if let Some((alias, _)) = name.rsplit_once("__g") {
                let dropped = async |client: milvus::v2::ClientV2| {
                    client.drop_alias(DropAliasRequest::builder().alias(alias).build()?).await
                };
                unless_gone(self.link.call("drop_alias", PATIENT, dropped).await)?;
            }
            self.discard(name).await?;
        }
        Ok(names)
    }

    /// The collection that the alias of a model stands for, and those of the model that no alias stands for.
    pub(super) async fn present(&self, model: &str) -> Result<(Option<String>, Vec<String>), VectorError> {
        let alias = self.alias(model);
        let (mut present, mut left) = (None, Vec::new());
        for name in self.of(Of::Only(model)).await? {
            // Asked for by an alias, older ones answer with that as the collection's name.
            let described = async |client: milvus::v2::ClientV2| {
                let request = DescribeCollectionRequest::builder().collection_name(&name);
                client.describe_collection(request.build()?).await
            };
            let described = unless_gone(self.link.call("describe", PATIENT, described).await)?;
            let Some(described) = described else { continue };
            let aliases = described.description().get_aliases();
            if aliases.contains(&alias) {
                present = Some(name);
            } else if aliases.is_empty() {
                left.push(name);
            }
        }
        Ok((present, left))
    }

    /// Drops a collection; one that is not there is fine.
    pub(super) async fn discard(&self, name: &str) -> Result<(), VectorError> {
        let dropped = async |client: milvus::v2::ClientV2| {
            client.drop_collection(DropCollectionRequest::builder().collection_name(name).build()?).await
        };
        unless_gone(self.link.call("drop_collection", PATIENT, dropped).await).map(drop)
    }
}

fn unless_gone<T>(result: Result<T, VectorError>) -> Result<Option<T>, VectorError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(VectorError::Gone(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
