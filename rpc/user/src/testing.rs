//! A whole user service on two SQLite shards in a temporary folder.

use std::sync::Arc;

use fanone_base::Id;
use fanone_config::{Live, Settings};
use fanone_identity::{Keys, OnMissing};
use fanone_store::Store;
use tempfile::TempDir;

use crate::{MIGRATIONS, UserService};

pub(crate) const PASSWORD: &str = "correct horse";
/// The model of the default settings.
pub(crate) const MODEL: &str = fanone_vectors::BUILTIN_NAME;

pub(crate) struct World {
    pub(crate) service: UserService,
    pub(crate) keys: Keys,
    settings: Settings,
    folder: Arc<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::start(Arc::new(tempfile::tempdir().unwrap()), settings(None)).await
    }

    /// With one setting other than the default.
    pub(crate) async fn with(key: &str, value: &str) -> Self {
        Self::start(Arc::new(tempfile::tempdir().unwrap()), settings(Some((key, value)))).await
    }

    /// Another service on the same files, as after a restart.
    pub(crate) async fn restarted(&self) -> Self {
        Self::start(Arc::clone(&self.folder), self.settings.clone()).await
    }

    /// A registered user.
    pub(crate) async fn user(&self, name: &str) -> Id {
        self.service.accounts.register(name, PASSWORD).await.unwrap()
    }

    async fn start(folder: Arc<TempDir>, settings: Settings) -> Self {
        let paths = ["0.db", "1.db"].map(|name| folder.path().join(name));
        let store = Store::embedded("user", &paths, MIGRATIONS).await.unwrap();
        let keys = Keys::open(&folder.path().join("keys"), OnMissing::Generate).unwrap();
        let service = UserService::open(&settings, &Live::of(&settings), store, &keys).await.unwrap();
        Self { service, keys, settings, folder }
    }
}

fn settings(other: Option<(&str, &str)>) -> Settings {
    let variable = |(key, value): (&str, &str)| {
        (format!("FANONE_{}", key.replace('.', "__").to_uppercase()), value.to_owned())
    };
    Settings::load(None, other.map(variable).into_iter()).unwrap()
}
