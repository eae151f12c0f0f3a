//! The site's parts on real servers: those of `scripts/servers`, with databases, a user and a Redis database of our own.

use std::{
    collections::HashMap,
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::process::Parts;

const SERVICES: [&str; 4] = ["user", "video", "interaction", "social"];
/// Nobody else's; also the user's name.
const PREFIX: &str = "fanone_bench";
/// Of the 16 that Redis has.
const REDIS_DATABASE: u8 = 5;
const NOT_UP: &str = "MariaDB and Redis must be up: scripts/servers up mariadb redis";

/// The servers that run.
pub(crate) struct Servers {
    mysql: Address,
    redis: Address,
    /// Of MariaDB, then of Redis.
    processes: Vec<u32>,
}

/// `scheme://user:password@host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    user: String,
    password: String,
    host: String,
    port: String,
}

impl Servers {
    /// Finds what `scripts/servers` has started.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let folder = std::env::var_os("FANONE_SERVERS_DIR").map_or(".cache/servers".into(), PathBuf::from);
        let env = std::fs::read_to_string(folder.join("env")).context(NOT_UP)?;
        let env = parse_env(&env);
        let address = |name: &str| {
            let url = env.get(name).with_context(|| format!("{NOT_UP} ({name} is missing)"))?;
            Address::parse(url).with_context(|| format!("{name} has no user, password, host and port"))
        };
        let process = |name: &str| {
            let pid = std::fs::read_to_string(folder.join(name).join("pid")).context(NOT_UP)?;
            anyhow::Ok(pid.trim().parse()?)
        };
        Ok(Self {
            mysql: address("FANONE_TEST_MYSQL")?,
            redis: address("FANONE_TEST_REDIS")?,
            processes: vec![process("mariadb")?, process("redis")?],
        })
    }

    /// Empty databases with the present schema, for a site that may read and write rows, nothing more.
    pub(crate) async fn prepare(&self, program: &Path, folder: &Path) -> anyhow::Result<Parts> {
        let password = made_up_password()?;
        self.make_databases(&password).await?;
        self.forget_cached().await?;
        let parts = |user: &Address| {
            Parts::embedded(program, folder).with(self.settings(user), self.processes.clone())
        };
        parts(&self.mysql).run(&["migrate"]).await?;
        Ok(parts(&Address { user: PREFIX.to_owned(), password, ..self.mysql.clone() }))
    }

    async fn make_databases(&self, password: &str) -> anyhow::Result<()> {
        let user = format!("'{PREFIX}'@'{}'", self.mysql.host);
        let mut sql = format!("CREATE OR REPLACE USER {user} IDENTIFIED BY '{password}';\n");
        for service in SERVICES {
            let name = format!("{PREFIX}_{service}");
            sql += &format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name};\n");
            sql += &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {user};\n");
        }
        let Address { user, password, host, port } = &self.mysql;
        let arguments = ["--no-defaults", "--protocol=TCP", "--user", user, "--host", host, "--port", port];
        run("mariadb", &arguments, ("MYSQL_PWD", password), &sql).await
    }

    /// Empties the Redis database of ours.
    pub(crate) async fn forget_cached(&self) -> anyhow::Result<()> {
        let Address { password, host, port, .. } = &self.redis;
        let database = REDIS_DATABASE.to_string();
        let arguments = ["-e", "-h", host, "-p", port, "-n", &database, "FLUSHDB"];
        run("redis-cli", &arguments, ("REDISCLI_AUTH", password), "").await
    }

    fn settings(&self, user: &Address) -> Vec<(String, String)> {
        let Address { user, password, host, port } = user;
        let database = |service: &str| {
            let url = format!("mysql://{user}:{password}@{host}:{port}/{PREFIX}_{service}");
            (format!("FANONE_{}__DATABASE", service.to_uppercase()), url)
        };
        let Address { user, password, host, port } = &self.redis;
        let cache = format!("redis://{user}:{password}@{host}:{port}/{REDIS_DATABASE}");
        SERVICES.map(database).into_iter().chain([("FANONE_CACHE__URL".to_owned(), cache)]).collect()
    }
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (login, place) = rest.rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (host, port) = place.trim_end_matches('/').rsplit_once(':')?;
        let [user, password, host, port] = [user, password, host, port].map(str::to_owned);
        Some(Self { user, password, host, port })
    }
}

fn parse_env(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

/// Runs a client of a server; the password goes by the environment, where other users can't see it.
async fn run(program: &str, arguments: &[&str], password: (&str, &str), input: &str) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).env(password.0, password.1);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{program} can't be run; {NOT_UP}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    ensure!(child.wait().await?.success(), "{program} failed: see above");
    Ok(())
}

fn made_up_password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_file_of_the_servers() {
        let env = "FANONE_TEST_MYSQL=mysql://root:pw@127.0.0.1:13306\nFANONE_TEST_REDIS=redis://:secret@127.0.0.1:13379\n";
        let env = parse_env(env);
        let mysql = Address::parse(env["FANONE_TEST_MYSQL"]).unwrap();
        assert_eq!((mysql.user.as_str(), mysql.password.as_str()), ("root", "pw"));
        assert_eq!((mysql.host.as_str(), mysql.port.as_str()), ("127.0.0.1", "13306"));
        let redis = Address::parse(env["FANONE_TEST_REDIS"]).unwrap();
        assert_eq!(
            (redis.user.as_str(), redis.password.as_str(), redis.port.as_str()),
            ("", "secret", "13379")
        );
        assert_eq!(Address::parse("redis://127.0.0.1:13379"), None);
    }

    #[test]
    fn the_site_gets_databases_of_its_own() {
        let address = Address::parse("mysql://root:pw@127.0.0.1:1").unwrap();
        let servers = Servers { mysql: address.clone(), redis: address.clone(), processes: vec![] };
        let settings = servers.settings(&address);
        let video = settings.iter().find(|(name, _)| name == "FANONE_VIDEO__DATABASE").unwrap();
        assert_eq!(video.1, "mysql://root:pw@127.0.0.1:1/fanone_bench_video");
        assert_eq!(settings.len(), 5);
    }
}
