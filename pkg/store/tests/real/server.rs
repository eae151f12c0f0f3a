//! Databases on the server, one set for each test.

use std::{fs, path::Path, sync::atomic::AtomicU32, sync::atomic::Ordering};

use fanone_config::DatabaseUrl;
use sea_orm::{ConnectionTrait, Database};

/// Databases that are dropped with this value.
pub(crate) struct Databases {
    admin: String,
    names: Vec<String>,
}

impl Databases {
    /// New ones.
    pub(crate) async fn create(count: usize) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = || {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            format!("fanone_store_{:x}_{number}", std::process::id())
        };
        let databases = Self { admin: administrator(), names: (0..count).map(|_| name()).collect() };
        let admin = Database::connect(format!("{}/mysql", databases.admin)).await.unwrap();
        for name in &databases.names {
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        }
        admin.close().await.unwrap();
        databases
    }

    pub(crate) fn url(&self, place: usize) -> DatabaseUrl {
        format!("{}/{}", self.admin, self.names[place]).parse().unwrap()
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        let (admin, names) = (self.admin.clone(), std::mem::take(&mut self.names));
        // A thread of its own: a runtime can't be blocked from within.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let admin = Database::connect(format!("{admin}/mysql")).await.unwrap();
                for name in names {
                    admin.execute_unprepared(&format!("DROP DATABASE {name}")).await.unwrap();
                }
                admin.close().await.unwrap();
            });
        });
        let _ended = dropped.join();
    }
}

/// The URL of a server without a database, of a user who may do everything.
fn administrator() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/servers/env");
    let text = fs::read_to_string(file).unwrap_or_default();
    let url = text.lines().find_map(|line| line.strip_prefix("FANONE_TEST_MYSQL="));
    url.unwrap_or_else(|| panic!("no MariaDB: run scripts/servers up mariadb")).to_owned()
}
