//! Which servers a URL names.

use std::fmt::Write as _;
use std::time::Duration;

use deadpool_redis::redis::io::tcp::TcpSettings;
use deadpool_redis::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use percent_encoding::percent_decode_str;

use crate::error::CacheError;

/// What was sent is given up by the kernel after this time, so that a write of before an outage does not arrive after it.
const UNANSWERED: Duration = Duration::from_secs(2);

/// The servers of a cache.
#[derive(Clone)]
pub(crate) enum Target {
    /// One server.
    Node(ConnectionInfo),
    /// The sentinels that know which server is the primary, and how to log in there.
    Sentinel { sentinels: Vec<ConnectionInfo>, master: String, login: Login },
    /// Some nodes of a cluster; they know the others.
    Cluster(Vec<ConnectionInfo>),
}

/// User, password and number of the database.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: i64,
}

impl Login {
    pub(super) fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default().set_db(self.db);
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        settings
    }
}

impl Target {
    /// Reads a URL; `None` where it does not begin as one of Redis.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, CacheError>> {
        let (scheme, rest) = url.split_once("://")?;
        let read = match scheme {
            "redis" => Self::node,
            "redis+sentinel" => Self::sentinel,
            "redis+cluster" => Self::cluster,
            _ => return None,
        };
        Some(read(rest).map_err(CacheError::Url))
    }

    fn node(rest: &str) -> Result<Self, &'static str> {
        let (mut login, hosts, path) = parts(rest)?;
        login.db = path.map_or(Ok(0), database)?;
        let mut nodes = nodes(hosts, &login)?;
        match (nodes.pop(), nodes.is_empty()) {
            (Some(node), true) => Ok(Self::Node(node)),
            _ => Err("redis:// names one server"),
        }
    }

    fn sentinel(rest: &str) -> Result<Self, &'static str> {
        let (mut login, hosts, path) = parts(rest)?;
        let path = path.unwrap_or_default();
        let (master, db) = path.split_once('/').map_or((path, None), |(master, db)| (master, Some(db)));
        if master.is_empty() {
            return Err("the name of the primary is missing");
        }
        login.db = db.map_or(Ok(0), database)?;
        // The sentinels themselves want no password.
        let sentinels = nodes(hosts, &Login::default())?;
        Ok(Self::Sentinel { sentinels, master: master.to_owned(), login })
    }

    fn cluster(rest: &str) -> Result<Self, &'static str> {
        let (login, hosts, path) = parts(rest)?;
        if path.is_some() {
            return Err("a cluster has no numbered databases");
        }
        Ok(Self::Cluster(nodes(hosts, &login)?))
    }

    /// Where the servers are, for people.
    pub(super) fn addresses(&self) -> String {
        let (nodes, master) = match self {
            Self::Node(node) => (std::slice::from_ref(node), None),
            Self::Sentinel { sentinels, master, .. } => (sentinels.as_slice(), Some(master)),
            Self::Cluster(nodes) => (nodes.as_slice(), None),
        };
        let mut text = String::new();
        for node in nodes {
            let comma = if text.is_empty() { "" } else { ", " };
            let _never_fails = write!(text, "{comma}{}", node.addr());
        }
        if let Some(master) = master {
            let _never_fails = write!(text, " (sentinels of {master})");
        }
        text
    }
}

/// Login, hosts and path of `[USER:PASSWORD@]HOSTS[/PATH]`.
fn parts(rest: &str) -> Result<(Login, &str, Option<&str>), &'static str> {
    let (login, rest) = match rest.rsplit_once('@') {
        None => (Login::default(), rest),
        Some((login, rest)) => {
            let (user, password) =
                login.split_once(':').ok_or("before @ comes USER:PASSWORD or :PASSWORD")?;
            let decode = |text: &str| {
                let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
                (!text.is_empty()).then_some(text)
            };
            (Login { user: decode(user), password: decode(password), db: 0 }, rest)
        }
    };
    let (hosts, path) = rest.split_once('/').map_or((rest, None), |(hosts, path)| (hosts, Some(path)));
    Ok((login, hosts, path.filter(|path| !path.is_empty())))
}

fn nodes(hosts: &str, login: &Login) -> Result<Vec<ConnectionInfo>, &'static str> {
    hosts.split(',').map(|host| node(host, login)).collect()
}

fn node(host: &str, login: &Login) -> Result<ConnectionInfo, &'static str> {
    const EXPECTED: &str = "HOST:PORT expected";
    let (host, port) = host.rsplit_once(':').ok_or(EXPECTED)?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0).ok_or(EXPECTED)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err(EXPECTED);
    }
    let address = ConnectionAddr::Tcp(host.to_owned(), port);
    let node = address.into_connection_info().or(Err(EXPECTED))?;
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(UNANSWERED);
    Ok(node.set_redis_settings(login.settings()).set_tcp_settings(tcp))
}

fn database(text: &str) -> Result<i64, &'static str> {
    text.parse::<u16>().map(i64::from).or(Err("the number of the database expected after the last /"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Target, String> {
        Target::parse(url).unwrap().map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_is_read() {
        let Target::Node(node) = read("redis://ann:p%40ss@h:1/7").unwrap() else { panic!("a node") };
        assert_eq!(node.redis_settings().username(), Some("ann"));
        assert_eq!(node.redis_settings().password(), Some("p@ss"));
        assert_eq!((node.redis_settings().db(), node.addr().to_string().as_str()), (7, "h:1"));

        let sentinel = read("redis+sentinel://:pw@a:1,[::1]:2/main/3").unwrap();
        assert_eq!(sentinel.addresses(), "a:1, ::1:2 (sentinels of main)");
        let Target::Sentinel { sentinels, login, .. } = sentinel else { panic!("sentinels") };
        assert_eq!((login.password.as_deref(), login.db), (Some("pw"), 3));
        assert!(sentinels.iter().all(|node| node.redis_settings().password().is_none()));

        let Target::Cluster(nodes) = read("redis+cluster://:pw@a:1,b:2").unwrap() else {
            panic!("a cluster")
        };
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("pw")));
        assert!(Target::parse("memory:").is_none());
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_shown() {
        for (url, wrong) in [
            ("redis://:hunter2@h", "HOST:PORT expected"),
            ("redis://hunter2@h:1", "before @ comes"),
            ("redis://h:1,h:2", "redis:// names one server"),
            ("redis://h:1/hunter2", "the number of the database"),
            ("redis+sentinel://:hunter2@h:1", "the name of the primary is missing"),
            ("redis+cluster://:hunter2@h:1/1", "a cluster has no numbered databases"),
        ] {
            let error = read(url).err().unwrap();
            assert!(error.contains(wrong) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
