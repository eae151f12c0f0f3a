//! The databases of one site on the MariaDB for tests.

use std::{fmt::Write as _, path::Path, sync::Once};

use super::servers::MariaDb;
use crate::{site::SERVICES, unique};

const PREFIX: &str = "t_";

/// Empty databases of each service, and a user of each who may do no more than the service needs. They are dropped with
/// the value; what a killed test run left goes at the start of the next.
pub(crate) struct Databases {
    server: MariaDb,
    name: String,
    shards: usize,
}

impl Databases {
    /// Makes `shards` databases for each service.
    pub(crate) fn create(shards: usize) -> Self {
        static SWEEP: Once = Once::new();
        let server = MariaDb::of_run();
        SWEEP.call_once(|| sweep(&server));
        // The id of this process in hexadecimal digits, and a number.
        let name = unique("").replace('-', "_");
        let databases = Self { server, name: format!("{PREFIX}{}", name.trim_start_matches('_')), shards };
        let mut sql = String::new();
        for service in SERVICES {
            let user = databases.user(service);
            write!(sql, "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{}';", databases.password()).ok();
            for shard in 0..shards {
                let database = databases.database(service, shard);
                write!(sql, "CREATE DATABASE {database};").ok();
                write!(sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}@'127.0.0.1';")
                    .ok();
            }
        }
        databases.server.run(&sql);
        databases
    }

    /// What a site is told.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        self.settings_with(|service| format!("{}:{}", self.user(service), self.password()))
    }

    /// What `fanone migrate` is told, which needs to do more.
    pub(crate) fn migration_settings(&self) -> Vec<(String, String)> {
        self.settings_with(|_| self.server.administrator.clone())
    }

    fn settings_with(&self, user: impl Fn(&str) -> String) -> Vec<(String, String)> {
        let url = |service: &str, shard| {
            format!("mysql://{}@{}/{}", user(service), self.server.address, self.database(service, shard))
        };
        let value = |service| match self.shards {
            1 => url(service, 0),
            shards => {
                let shards = (0..shards).map(|shard| format!("{{ urls = ['{}'] }}", url(service, shard)));
                format!("[{}]", shards.collect::<Vec<_>>().join(", "))
            }
        };
        SERVICES.map(|service| (format!("{service}.database"), value(service))).to_vec()
    }

    /// Runs statements as the administrator and returns the rows as text.
    pub(crate) fn run(&self, sql: &str) -> String {
        self.server.run(sql)
    }

    pub(crate) fn database(&self, service: &str, shard: usize) -> String {
        format!("{}_{service}_{shard}", self.name)
    }

    pub(crate) fn user(&self, service: &str) -> String {
        format!("{}_{service}", self.name)
    }

    /// Known to nobody else for as long as the databases are there.
    pub(crate) fn password(&self) -> String {
        format!("secret_{}", self.name)
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if std::env::var_os("FANONE_TEST_KEEP").is_some() {
            return;
        }
        let mut sql = String::new();
        for service in SERVICES {
            for shard in 0..self.shards {
                write!(sql, "DROP DATABASE {};", self.database(service, shard)).ok();
            }
            write!(sql, "DROP USER {}@'127.0.0.1';", self.user(service)).ok();
        }
        // It goes on by itself. What does not work is swept by a later run.
        drop(self.server.start(&sql));
    }
}

/// Drops what test processes that are gone have left.
fn sweep(server: &MariaDb) {
    if std::env::var_os("FANONE_TEST_KEEP").is_some() {
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
