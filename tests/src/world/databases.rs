//! The databases of one site on the MariaDB for tests.

use std::{
    env,
    fmt::Write as _,
    path::Path,
    sync::{Mutex, Once, PoisonError},
};

use super::servers::MariaDb;
use crate::{site::SERVICES, unique};

const PREFIX: &str = "t_";
/// Tables that stay as they are when the rows of a site go.
const OF_THE_SCHEMA: &str = "'migration', 'store_identity', 'bucket_range'";

/// Sets of databases whose sites are gone. To empty them takes far less time than to make new ones.
static USED: Mutex<Vec<Set>> = Mutex::new(Vec::new());

/// Databases of each service, and a user of each who may do no more than the service needs. What a test run leaves is
/// dropped at the start of the next.
pub(crate) struct Databases {
    server: MariaDb,
    set: Set,
    /// Only rows were changed since the tables were made.
    pub(crate) has_its_schema: bool,
}

/// Their names.
#[derive(Clone, Debug)]
struct Set {
    name: String,
    shards: usize,
}

impl Databases {
    /// `shards` databases for each service, without rows. They may lack their tables: see [`Databases::has_its_schema`].
    pub(crate) fn take(shards: usize) -> Self {
        static SWEEP: Once = Once::new();
        let server = MariaDb::of_run();
        SWEEP.call_once(|| sweep(&server));
        let used = {
            let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
            used.iter().position(|set| set.shards == shards).map(|place| used.swap_remove(place))
        };
        match used {
            Some(set) => {
                set.empty(&server);
                Self { server, set, has_its_schema: true }
            }
            None => {
                // The id of this process in hexadecimal digits, and a number.
                let name = unique("").replace('-', "_");
                let set = Set { name: format!("{PREFIX}{}", name.trim_start_matches('_')), shards };
                set.create(&server);
                Self { server, set, has_its_schema: false }
            }
        }
    }

    /// What a site is told.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        self.settings_with(|service| format!("{}:{}", self.set.user(service), self.set.password()))
    }

    /// What `fanone migrate` is told, which needs to do more.
    pub(crate) fn migration_settings(&self) -> Vec<(String, String)> {
        self.settings_with(|_| self.server.administrator.clone())
    }

    fn settings_with(&self, user: impl Fn(&str) -> String) -> Vec<(String, String)> {
        let url = |service: &str, shard| {
            let database = self.set.database(service, shard);
            format!("mysql://{}@{}/{database}", user(service), self.server.address)
        };
        let value = |service| match self.set.shards {
            1 => url(service, 0),
            shards => {
                let shards = (0..shards).map(|shard| format!("{{ urls = ['{}'] }}", url(service, shard)));
                format!("[{}]", shards.collect::<Vec<_>>().join(", "))
            }
        };
        SERVICES.map(|service| (format!("{service}.database"), value(service))).to_vec()
    }

    /// Runs statements as the administrator in a database of `service`. Nobody else will use these databases then.
    pub(crate) fn administer(&mut self, service: &str, sql: &str) -> String {
        self.has_its_schema = false;
        self.server.run(&format!("USE {}; {sql}", self.set.database(service, 0)))
    }

    /// The password of the services' users.
    pub(crate) fn password(&self) -> String {
        self.set.password()
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if env::var_os("FANONE_TEST_KEEP").is_some() {
            return;
        }
        if self.has_its_schema {
            USED.lock().unwrap_or_else(PoisonError::into_inner).push(self.set.clone());
        } else {
            // It goes on by itself. What does not work is swept by a later run.
            drop(self.server.start(&self.set.drop_all()));
        }
    }
}

impl Set {
    fn create(&self, server: &MariaDb) {
        let mut sql = String::new();
        for service in SERVICES {
            let user = self.user(service);
            write!(sql, "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{}';", self.password()).ok();
            for database in self.databases_of(service) {
                write!(sql, "CREATE DATABASE {database};").ok();
                write!(sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}@'127.0.0.1';")
                    .ok();
            }
        }
        server.run(&sql);
    }

    /// The processes of the last site were killed: what they had begun is rolled back first.
    fn empty(&self, server: &MariaDb) {
        let mut sql = String::new();
        for user in SERVICES.map(|service| self.user(service)) {
            write!(sql, "KILL HARD USER {user}@'127.0.0.1';").ok();
        }
        server.run(&sql);
        let databases: Vec<_> = SERVICES.iter().flat_map(|service| self.databases_of(service)).collect();
        let tables = server.run(&format!(
            "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
             WHERE table_schema IN ('{}') AND table_name NOT IN ({OF_THE_SCHEMA})",
            databases.join("', '")
        ));
        let deletes: String = tables.lines().map(|table| format!("DELETE FROM {table};")).collect();
        server.run(&format!("START TRANSACTION; {deletes} COMMIT"));
    }

    fn drop_all(&self) -> String {
        let mut sql = String::new();
        for service in SERVICES {
            for database in self.databases_of(service) {
                write!(sql, "DROP DATABASE IF EXISTS {database};").ok();
            }
            write!(sql, "DROP USER IF EXISTS {}@'127.0.0.1';", self.user(service)).ok();
        }
        sql
    }

    fn databases_of(&self, service: &str) -> impl Iterator<Item = String> {
        (0..self.shards).map(move |shard| self.database(service, shard))
    }

    fn database(&self, service: &str, shard: usize) -> String {
        format!("{}_{service}_{shard}", self.name)
    }

    fn user(&self, service: &str) -> String {
        format!("{}_{service}", self.name)
    }

    /// Known to nobody else for as long as the databases are there.
    fn password(&self) -> String {
        format!("secret_{}", self.name)
    }
}

/// Drops what test processes that are gone have left.
fn sweep(server: &MariaDb) {
    if env::var_os("FANONE_TEST_KEEP").is_some() {
        return;
    }
    let gone = |name: &&str| {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        let owner = owner.and_then(|pid| u32::from_str_radix(pid, 16).ok());
        owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
    };
    let mut sql = String::new();
    let databases = server.run("SELECT schema_name FROM information_schema.schemata");
    databases.lines().filter(gone).for_each(|name| {
        write!(sql, "DROP DATABASE IF EXISTS {name};").ok();
    });
    let users = server.run("SELECT user FROM mysql.user");
    users.lines().filter(gone).for_each(|name| {
        write!(sql, "DROP USER IF EXISTS {name}@'127.0.0.1';").ok();
    });
    drop(server.start(&sql));
}
