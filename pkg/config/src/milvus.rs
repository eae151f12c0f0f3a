//! The URL of the vector index: in this process, or a Milvus.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::{
    UrlRefused,
    authority::{port_of, split_login},
};

/// What the names of collections begin with unless the URL says otherwise.
const PREFIX: &str = "fanone";
const PREFIX_BYTES_MAX: usize = 64;

/// Where the vectors of pictures are searched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum VectorsUrl {
    /// In the memory of each process.
    Memory,
    /// A Milvus.
    Milvus(MilvusUrl),
}

impl FromStr for VectorsUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        const ACCEPTED: &str = "memory:, milvus://[USER:PASSWORD@]HOST:PORT[/DATABASE][?prefix=NAME]";
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        MilvusUrl::parse(text).map(Self::Milvus).ok_or(UrlRefused { accepted: ACCEPTED })
    }
}

impl TryFrom<String> for VectorsUrl {
    type Error = UrlRefused;

    fn try_from(text: String) -> Result<Self, UrlRefused> {
        text.parse()
    }
}

impl fmt::Display for VectorsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Milvus(url) => url.fmt(f),
        }
    }
}

/// `milvus://[USER:PASSWORD@]HOST:PORT[/DATABASE][?prefix=NAME]`. In user and password, characters that would end them are
/// percent-encoded. Printing it hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct MilvusUrl {
    /// `HOST:PORT` of its gRPC.
    pub address: String,
    /// Name and password, where it asks for them.
    pub login: Option<(String, String)>,
    /// Empty for the one that each Milvus has.
    pub database: String,
    /// What the names of our collections begin with: another one for each site on the same database.
    pub prefix: String,
}

impl MilvusUrl {
    /// Reads a URL; none if it is no URL of a Milvus.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("milvus://")?;
        let (rest, prefix) = match rest.rsplit_once("?prefix=") {
            Some((rest, prefix)) => (rest, prefix),
            None => (rest, PREFIX),
        };
        let (login, place) = split_login(rest)?;
        let (address, database) = place.split_once('/').unwrap_or((place, ""));
        let is_good =
            port_of(address).is_some() && (database.is_empty() || is_name(database)) && is_name(prefix);
        let owned = str::to_owned;
        is_good.then(|| Self {
            address: owned(address),
            login,
            database: owned(database),
            prefix: owned(prefix),
        })
    }
}

impl fmt::Display for MilvusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milvus://")?;
        if let Some((user, _password)) = &self.login {
            write!(f, "{user}:***@")?;
        }
        write!(f, "{}/{}", self.address, self.database)?;
        if self.prefix == PREFIX { Ok(()) } else { write!(f, "?prefix={}", self.prefix) }
    }
}

impl fmt::Debug for MilvusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MilvusUrl({self})")
    }
}

/// Whether Milvus takes it as a name.
fn is_name(text: &str) -> bool {
    text.len() <= PREFIX_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_an_address_a_login_a_database_and_a_prefix() {
        let url = MilvusUrl::parse("milvus://root:p%40ss%2F@a:19530/site?prefix=blue").unwrap();
        assert_eq!((&*url.address, &*url.database, &*url.prefix), ("a:19530", "site", "blue"));
        assert_eq!(url.login, Some(("root".to_owned(), "p@ss/".to_owned())));
        let plain = MilvusUrl::parse("milvus://127.0.0.1:19530").unwrap();
        assert_eq!((plain.login, &*plain.database, &*plain.prefix), (None, "", "fanone"));
    }

    #[test]
    fn printing_it_hides_the_password() {
        let url: VectorsUrl = "milvus://root:hunter2@a:1?prefix=b".parse().unwrap();
        assert_eq!(url.to_string(), "milvus://root:***@a:1/?prefix=b");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for text in [
            "milvus://",
            "milvus://a",
            "milvus://a:0",
            "milvus://root@a:1",
            "milvus://root:@a:1",
            "milvus://a:1/b/c",
            "milvus://a:1/b?other=c",
            "milvus://a:1?prefix=",
            "milvus://a:1?prefix=1a",
            "milvus://a:1?prefix=a-b",
            "memory",
            "http://a:1",
        ] {
            assert!(text.parse::<VectorsUrl>().is_err(), "{text}");
        }
    }
}
