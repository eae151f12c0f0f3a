//! The URL of a Nacos.

use std::fmt;

use crate::authority::{port_of, split_login};

/// `nacos://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/NAMESPACE]`. In user and password, characters that would end them are
/// percent-encoded. Printing it hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct NacosUrl {
    /// `HOST:PORT` of each node, for HTTP; gRPC is on the port 1000 above. At least one.
    pub servers: Vec<String>,
    /// Name and password, where Nacos asks for them.
    pub login: Option<(String, String)>,
    /// The id of the namespace; empty for the public one.
    pub namespace: String,
}

impl NacosUrl {
    /// Reads a URL; none if it is no URL of a Nacos.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("nacos://")?;
        let (login, place) = split_login(rest)?;
        let (hosts, namespace) = place.split_once('/').unwrap_or((place, ""));
        let servers: Vec<String> = hosts.split(',').map(str::to_owned).collect();
        let is_good = servers.iter().all(|server| is_server(server)) && is_namespace(namespace);
        is_good.then(|| Self { servers, login, namespace: namespace.to_owned() })
    }
}

impl fmt::Display for NacosUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nacos://")?;
        if let Some((user, _password)) = &self.login {
            write!(f, "{user}:***@")?;
        }
        write!(f, "{}/{}", self.servers.join(","), self.namespace)
    }
}

impl fmt::Debug for NacosUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NacosUrl({self})")
    }
}

/// The port of gRPC is 1000 above.
fn is_server(text: &str) -> bool {
    port_of(text).is_some_and(|port| port.checked_add(1000).is_some())
}

fn is_namespace(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_servers_a_login_and_a_namespace() {
        let url = NacosUrl::parse("nacos://fan:p%40ss%2F@a:8848,10.0.0.1:8848/fanone").unwrap();
        assert_eq!(url.servers, ["a:8848", "10.0.0.1:8848"]);
        assert_eq!(url.login, Some(("fan".to_owned(), "p@ss/".to_owned())));
        assert_eq!(url.namespace, "fanone");
        let public = NacosUrl::parse("nacos://a:8848").unwrap();
        assert_eq!((public.login, &*public.namespace), (None, ""));
    }

    #[test]
    fn printing_it_hides_the_password() {
        let url = NacosUrl::parse("nacos://fan:hunter2@a:8848/n").unwrap();
        assert_eq!(format!("{url}"), "nacos://fan:***@a:8848/n");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for text in [
            "nacos://",
            "nacos://a",
            "nacos://a:0",
            "nacos://a:65000",
            "nacos://a:8848,",
            "nacos://fan@a:8848",
            "nacos://fan:@a:8848",
            "nacos://a:8848/n/m",
            "nacos://a:8848/n?x=y",
            "http://a:8848",
        ] {
            assert_eq!(NacosUrl::parse(text), None, "{text}");
        }
    }
}
