//! A part of the Milvus that is a test's own.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use fanone_config::MilvusUrl;
use fanone_vectors::{Index, MilvusIndex};
use milvus::v2::{
    ClientV2,
    prelude::{
        ConnectConfig, DropAliasRequest, DropCollectionRequest, ListCollectionsRequest, TelemetryConfig,
    },
};

/// Far more than a search takes anywhere.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An index whose collections nobody else has; they are dropped with it.
pub(crate) struct Fresh {
    pub(crate) index: MilvusIndex,
    pub(crate) url: MilvusUrl,
}

impl Fresh {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut url = MilvusUrl::parse(&of_run()).unwrap();
        url.prefix = format!("t_{:x}_{count}v", std::process::id());
        Self { index: MilvusIndex::new(&url, PATIENCE), url }
    }

    /// The ids that a search gives, in their order.
    pub(crate) async fn ids(&self, model: &str, vector: Vec<f32>, limit: usize) -> Vec<i64> {
        let mut ids: Vec<i64> =
            self.index.search(model, vector, limit).await.unwrap().iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// Asks past the index.
    pub(crate) async fn client(&self) -> ClientV2 {
        let (user, password) = self.url.login.clone().unwrap();
        let config = ConnectConfig::new().uri(format!("http://{}", self.url.address));
        let config =
            config.username(user).password(password).telemetry(TelemetryConfig::new().enabled(false));
        ClientV2::new(&config).await.unwrap()
    }

    /// The names of all its collections.
    pub(crate) async fn collections(&self) -> Vec<String> {
        let all =
            self.client().await.list_collections(ListCollectionsRequest::builder().build().unwrap()).await;
        let all = all.unwrap();
        all.collection_names().iter().filter(|name| name.starts_with(&self.url.prefix)).cloned().collect()
    }

    /// Drops them, and leaves what stands for them.
    pub(crate) async fn drop_collections(&self) {
        let client = self.client().await;
        for name in self.collections().await {
            let request = DropCollectionRequest::builder().collection_name(name).build().unwrap();
            client.drop_collection(request).await.unwrap();
        }
    }

    async fn clean(&self) {
        let client = self.client().await;
        for name in self.collections().await {
            if let Some((alias, _)) = name.rsplit_once("__g") {
                client.drop_alias(DropAliasRequest::builder().alias(alias).build().unwrap()).await.ok();
            }
            client
                .drop_collection(DropCollectionRequest::builder().collection_name(name).build().unwrap())
                .await
                .ok();
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(self.clean());
        };
        std::thread::scope(|scope| scope.spawn(run).join().ok());
    }
}

/// The URL that `scripts/servers up milvus` has written.
fn of_run() -> String {
    let folder = std::env::var_os("FANONE_SERVERS_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/servers")),
        PathBuf::from,
    );
    let text = fs::read_to_string(folder.join("env")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("FANONE_TEST_MILVUS="));
    line.unwrap_or_else(|| panic!("scripts/servers up milvus")).to_owned()
}

/// A vector of eight numbers along one axis.
pub(crate) fn axis(place: usize) -> Vec<f32> {
    let mut vector = vec![0.0; 8];
    vector[place] = 1.0;
    vector
}

/// What is written is searched a moment later.
pub(crate) async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
