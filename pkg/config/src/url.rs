//! The URLs that choose the outside parts.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::fault::Origin;
use crate::mask;
use crate::nacos::NacosUrl;

/// The text of a URL that may carry a password: printing it hides the password, dereferencing it does not.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Url(String);

impl From<String> for Url {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Url {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Deref for Url {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask::url(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// A URL of a kind that this version has no part for. The URL itself is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accepted: {accepted}")]
pub struct UrlRefused {
    /// The accepted forms, for the reader.
    pub accepted: &'static str,
}

/// One database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file; it is made when it is not there.
    Sqlite(PathBuf),
    /// A server that speaks MySQL's protocol.
    Mysql(Url),
}

impl DatabaseUrl {
    /// An SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(path.into())
    }

    /// Whether it is a file of this program alone.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        let refused = UrlRefused { accepted: "sqlite:PATH, mysql://USER:PASSWORD@HOST[:PORT]/DATABASE" };
        if let Some(rest) = text.strip_prefix("mysql://") {
            return if is_mysql(rest) { Ok(Self::Mysql(Url(text.to_owned()))) } else { Err(refused) };
        }
        path_after(text, "sqlite:").map(Self::Sqlite).ok_or(refused)
    }
}

/// Whether this, the rest of a URL, names a user, a host and a database.
fn is_mysql(rest: &str) -> bool {
    let Some((user, place)) = rest.rsplit_once('@') else { return false };
    let Some((host, database)) = place.split_once('/') else { return false };
    let database = database.split('?').next().unwrap_or_default();
    !user.is_empty() && !host.is_empty() && !database.is_empty() && !database.contains('/')
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Mysql(url) => url.fmt(f),
        }
    }
}

/// Where pictures and videos are stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum MediaUrl {
    /// A folder; it is made when it is not there.
    File(PathBuf),
    /// A bucket of S3, or of a server that speaks its protocol.
    S3(Url),
}

impl MediaUrl {
    /// Whether it is a folder of this machine.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// The whole URL, with its secret: to open the store, not to be shown.
    #[must_use]
    pub fn with_secret(&self) -> String {
        match self {
            Self::File(_) => self.to_string(),
            Self::S3(url) => url.0.clone(),
        }
    }
}

const MEDIA: &str =
    "file:FOLDER, s3://[KEY:SECRET@]BUCKET[/PREFIX][?region=REGION&endpoint=http(s)://HOST[:PORT]]";

impl FromStr for MediaUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        // The store itself reads the rest.
        if text.strip_prefix("s3://").is_some_and(|rest| !rest.starts_with(['/', '?']) && !rest.is_empty()) {
            return Ok(Self::S3(Url(text.to_owned())));
        }
        let path = path_after(text, "file:").ok_or(UrlRefused { accepted: MEDIA })?;
        Ok(Self::File(path))
    }
}

impl TryFrom<String> for MediaUrl {
    type Error = UrlRefused;

    fn try_from(text: String) -> Result<Self, UrlRefused> {
        text.parse()
    }
}

impl fmt::Display for MediaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::S3(url) => url.fmt(f),
        }
    }
}

/// Where the documents with live settings are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ConfigUrl {
    /// There are none.
    None,
    /// A folder with a file for each.
    Folder(PathBuf),
    /// A Nacos.
    Nacos(NacosUrl),
}

impl ConfigUrl {
    /// What a value is said to come from that stands in this line of the document `name`.
    #[must_use]
    pub fn origin(&self, name: &str, line: Option<usize>) -> Origin {
        match self {
            Self::Folder(folder) => Origin::File(folder.join(name), line),
            Self::None | Self::Nacos(_) => Origin::Nacos(name.to_owned(), line),
        }
    }
}

impl FromStr for ConfigUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        const ACCEPTED: &str =
            "none:, file:FOLDER, nacos://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/NAMESPACE]";
        if text == "none:" {
            return Ok(Self::None);
        }
        let folder = || path_after(text, "file:").map(Self::Folder);
        let url = NacosUrl::parse(text).map(Self::Nacos).or_else(folder);
        url.ok_or(UrlRefused { accepted: ACCEPTED })
    }
}

impl TryFrom<String> for ConfigUrl {
    type Error = UrlRefused;

    fn try_from(text: String) -> Result<Self, UrlRefused> {
        text.parse()
    }
}

impl fmt::Display for ConfigUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none:"),
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            Self::Nacos(url) => url.fmt(f),
        }
    }
}

/// The path of `scheme:PATH` and `scheme://PATH`. Options behind a question mark are not understood, and a database
/// in memory would be another one for each connection, so both are refused.
fn path_after(text: &str, scheme: &str) -> Option<PathBuf> {
    let rest = text.strip_prefix(scheme)?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let usable = !path.is_empty() && !path.contains('?') && path != ":memory:";
    usable.then(|| Path::new(path).to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_from_urls() {
        assert_eq!("sqlite:a/b.db".parse(), Ok(DatabaseUrl::sqlite("a/b.db")));
        assert_eq!("sqlite:///a/b.db".parse(), Ok(DatabaseUrl::sqlite("/a/b.db")));
        assert_eq!("mysql://u:p@h/d".parse::<DatabaseUrl>().unwrap().to_string(), "mysql://u:***@h/d");
        assert_eq!("file:/m".parse(), Ok(MediaUrl::File("/m".into())));
        let bucket: MediaUrl = "s3://AK:hunter2@media?region=r".parse().unwrap();
        assert_eq!(bucket.to_string(), "s3://AK:***@media?region=r");
        assert_eq!(bucket.with_secret(), "s3://AK:hunter2@media?region=r");
    }

    #[test]
    fn other_urls_are_refused() {
        for text in ["", "sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "mysql://u:p@h", "mysql://h/d"] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
        for text in ["", "file:", "s3:", "s3://", "s3:///x", "s3://?region=r", "ftp://h"] {
            assert!(text.parse::<MediaUrl>().is_err(), "{text}");
        }
        for text in ["", "none", "file:", "nacos://", "etcd://h:1"] {
            assert!(text.parse::<ConfigUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn printing_a_url_hides_its_password() {
        let url = Url::from("redis://u:hunter2@h".to_owned());
        assert!(!format!("{url} {url:?}").contains("hunter2"));
        assert!(url.contains("hunter2"));
    }
}
