//! Databases of a test's own on the servers that `scripts/servers up` started.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use fanone_config::{Connections, Database, DatabaseUrl};
use fanone_store::{Migration, Options, Step, Store, StoreError, Tx};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "words and counters",
    step: Step::Expand,
    statements: &[
        "CREATE TABLE word (word VARCHAR(40) NOT NULL PRIMARY KEY)",
        "CREATE TABLE counter (id {key}, value BIGINT NOT NULL)",
    ],
}];

/// A database that is there as long as this value.
pub(crate) struct Fresh {
    name: String,
    urls: Vec<String>,
    admin: DatabaseConnection,
}

impl Fresh {
    /// On the servers whose administrator's URLs stand in this line of `.cache/servers/env`.
    pub(crate) async fn on(line: &str, server: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_store_{}_{count}", std::process::id());
        let admins = administrators(line, server);
        let admin = sea_orm::Database::connect(&admins[0]).await.unwrap();
        drop_leftovers(&admin).await;
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let urls = admins.iter().map(|url| format!("{url}/{name}")).collect();
        Self { name, urls, admin }
    }

    pub(crate) fn database(&self) -> Database {
        Database::even([self.urls.iter().map(|url| url.parse::<DatabaseUrl>().unwrap()).collect()])
    }

    pub(crate) async fn migrate(&self, migrations: &'static [Migration]) -> Result<(), Vec<StoreError>> {
        Store::migrate(&self.database(), &options(migrations), |_| ()).await
    }

    pub(crate) async fn open(&self, migrations: &'static [Migration]) -> Result<Store, Vec<StoreError>> {
        Store::open(&self.database(), &options(migrations)).await
    }

    /// Migrated and opened.
    pub(crate) async fn store(&self) -> Store {
        self.migrate(MIGRATIONS).await.unwrap();
        self.open(MIGRATIONS).await.unwrap()
    }

    /// Runs a statement as the administrator; `{db}` stands for the database.
    pub(crate) async fn admin(&self, sql: &str) {
        self.admin.execute_unprepared(&sql.replace("{db}", &self.name)).await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("{db}", &self.name);
        let row = self.admin.query_one_raw(Statement::from_string(self.admin.get_database_backend(), sql));
        row.await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    /// Cuts every connection to the database but the administrator's.
    pub(crate) async fn cut_connections(&self) -> usize {
        let sql = format!("SELECT id FROM information_schema.processlist WHERE db = '{}'", self.name);
        let rows = self.admin.query_all_raw(Statement::from_string(self.admin.get_database_backend(), sql));
        let rows = rows.await.unwrap();
        for row in &rows {
            let id: i64 = row.try_get_by_index(0).unwrap();
            // It may have gone by itself.
            let _ = self.admin.execute_unprepared(&format!("KILL CONNECTION {id}")).await;
        }
        rows.len()
    }

    pub(crate) async fn drop(self) {
        self.admin(&format!("DROP DATABASE {}", self.name)).await;
    }
}

pub(crate) fn options(migrations: &'static [Migration]) -> Options {
    Options { namespace: "test", migrations, connections: Connections::default(), versions: None }
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn administrators(line: &str, server: &str) -> Vec<String> {
    let env = fs::read_to_string(repository().join(".cache/servers/env")).unwrap_or_default();
    let value = env.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix('='));
    let value = value.unwrap_or_else(|| panic!("no {line}: run scripts/servers up {server}"));
    value.split(',').map(str::to_owned).collect()
}

/// What runs that were killed have left.
async fn drop_leftovers(admin: &DatabaseConnection) {
    let backend = admin.get_database_backend();
    let rows = admin.query_all_raw(Statement::from_string(backend, "SHOW DATABASES LIKE 't\\_store\\_%'"));
    for row in rows.await.unwrap() {
        let name: String = row.try_get_by_index(0).unwrap();
        let process = name.split('_').nth(2).unwrap_or_default();
        if !PathBuf::from("/proc").join(process).exists() {
            let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
}

pub(crate) async fn add_word(tx: &Tx, word: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO word (word) VALUES (?)";
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [word.into()])).await?;
    Ok(())
}

pub(crate) async fn count_up(tx: &Tx, id: i64, by: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO counter (id, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = value + ?";
    let values = [id.into(), by.into(), by.into()];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}
