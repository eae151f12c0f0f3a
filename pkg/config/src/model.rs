//! The model of pictures: its section of the settings, and the URL that chooses it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::document::Document;
use crate::fault::Fault;

/// The most numbers of a vector.
pub const DIMENSION_MAX: usize = 4096;
/// A name is stored beside each vector.
const NAME_MAX: usize = 64;

/// The picture model.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    /// Which one describes pictures.
    pub url: ModelUrl,
    /// The one before, which is still asked while pictures wait to be described by the present one.
    #[serde(deserialize_with = "optional")]
    pub previous: Option<ModelUrl>,
    /// Longest time for one picture.
    pub timeout_ms: u64,
    /// How often pictures without a vector of this model are looked for.
    pub describe_interval_ms: u64,
}

impl Model {
    /// Longest time for one picture.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How often pictures without a vector of this model are looked for.
    #[must_use]
    pub const fn describe_interval(&self) -> Duration {
        Duration::from_millis(self.describe_interval_ms)
    }
}

/// The model that makes vectors of pictures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ModelUrl {
    /// The descriptor in this program.
    Builtin,
    /// A network in a file, run in this program.
    Onnx(PathBuf),
    /// A program that serves `EmbeddingService`.
    Remote(RemoteModel),
}

/// A model in another program. What it is called and how long its vectors are is said in the URL, so that a start does not
/// depend on it, and a wrong answer is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteModel {
    /// Where it is served.
    pub place: ModelPlace,
    /// What is stored beside each vector; vectors of different names can't be compared.
    pub name: String,
    /// How many numbers its vectors have.
    pub dimension: usize,
}

/// Where a model is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPlace {
    /// At one address.
    Host {
        /// A name or an IP address.
        host: String,
        /// The Thrift port.
        port: u16,
    },
    /// Wherever the registry finds instances of this service.
    Service(String),
}

/// A URL that names no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelUrlRefused {
    /// It has no form that is known.
    #[error(
        "accepted: builtin:, onnx:FILE, thrift://HOST:PORT?name=NAME&dimension=NUMBER, \
         service:NAME_IN_THE_REGISTRY?name=NAME&dimension=NUMBER"
    )]
    Unknown,
    /// A model elsewhere, of which something is not said, or not as it must be.
    #[error(
        "{0} is missing or wrong: a model elsewhere needs ?name=NAME (a to z, 0 to 9, . _ -; at most 64) \
        &dimension=NUMBER (1 to 4096)"
    )]
    Missing(&'static str),
}

impl FromStr for ModelUrl {
    type Err = ModelUrlRefused;

    fn from_str(text: &str) -> Result<Self, ModelUrlRefused> {
        if text == "builtin:" {
            return Ok(Self::Builtin);
        }
        if let Some(file) = text.strip_prefix("onnx:") {
            return if file.is_empty() { Err(ModelUrlRefused::Unknown) } else { Ok(Self::Onnx(file.into())) };
        }
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let place = place_of(place).ok_or(ModelUrlRefused::Unknown)?;
        let (mut name, mut dimension) = (None, None);
        for (key, value) in query.split('&').filter(|pair| !pair.is_empty()).map(pair) {
            match key {
                "name" => name = Some(value).filter(|name| is_name(name)),
                "dimension" => dimension = value.parse().ok(),
                _ => return Err(ModelUrlRefused::Unknown),
            }
        }
        Ok(Self::Remote(RemoteModel {
            place,
            name: name.ok_or(ModelUrlRefused::Missing("name"))?.to_owned(),
            dimension: dimension
                .filter(|numbers| (1..=DIMENSION_MAX).contains(numbers))
                .ok_or(ModelUrlRefused::Missing("dimension"))?,
        }))
    }
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn place_of(text: &str) -> Option<ModelPlace> {
    if let Some(name) = text.strip_prefix("service:") {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        return (!name.is_empty() && name.chars().all(is_plain))
            .then(|| ModelPlace::Service(name.to_owned()));
    }
    let (host, port) = text.strip_prefix("thrift://")?.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty() && !host.contains(['/', '@', ' ']))
        .then(|| ModelPlace::Host { host: host.to_owned(), port })
}

/// Lower-case letters only: databases compare names without case.
fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_plain)
}

impl TryFrom<String> for ModelUrl {
    type Error = ModelUrlRefused;

    fn try_from(text: String) -> Result<Self, ModelUrlRefused> {
        text.parse()
    }
}

/// For a setting that may be empty.
fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ModelUrl>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// A model that is found by the registry needs one that others can be in; and a model is not its own previous one.
pub(crate) fn check(document: &Document, faults: &mut Vec<Fault>) {
    let (Some(registry), Some(present)) = (document.get("registry.url"), document.get("model.url")) else {
        return;
    };
    for entry in [document.get("model.url"), document.get("model.previous")].into_iter().flatten() {
        let is_service = |url: &ModelUrl| matches!(url, ModelUrl::Remote(it) if matches!(it.place, ModelPlace::Service(_)));
        if entry.text().parse().is_ok_and(|url| is_service(&url)) && registry.text() == "memory:" {
            let problem = "registry.url is memory:, which knows no other program";
            faults.push(Fault::new(&entry.key, entry.origin.clone(), problem));
        }
    }
    if let Some(previous) = document.get("model.previous")
        && previous.text() == present.text()
    {
        let problem = "is the same as model.url";
        faults.push(Fault::new("model.previous", previous.origin.clone(), problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> RemoteModel {
        match text.parse() {
            Ok(ModelUrl::Remote(remote)) => remote,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn each_kind_of_model_has_its_form() {
        assert_eq!("builtin:".parse(), Ok(ModelUrl::Builtin));
        assert_eq!("onnx:/m/a b.onnx".parse(), Ok(ModelUrl::Onnx("/m/a b.onnx".into())));
        let found = remote("thrift://model.lan:9000?name=clip-b.32&dimension=512");
        assert_eq!((found.name.as_str(), found.dimension), ("clip-b.32", 512));
        assert_eq!(found.place, ModelPlace::Host { host: "model.lan".to_owned(), port: 9000 });
        let found = remote("thrift://[::1]:9000?dimension=1&name=m");
        assert_eq!(found.place, ModelPlace::Host { host: "::1".to_owned(), port: 9000 });
        let found = remote("service:fanone.embedding?name=m&dimension=8");
        assert_eq!(found.place, ModelPlace::Service("fanone.embedding".to_owned()));
    }

    #[test]
    fn what_a_remote_model_lacks_is_named() {
        for (text, lacks) in [
            ("thrift://h:1", "name"),
            ("service:s?dimension=3", "name"),
            ("thrift://h:1?name=Large&dimension=3", "name"),
            ("thrift://h:1?name=m", "dimension"),
            ("thrift://h:1?name=m&dimension=0", "dimension"),
            ("thrift://h:1?name=m&dimension=4097", "dimension"),
        ] {
            assert_eq!(text.parse::<ModelUrl>(), Err(ModelUrlRefused::Missing(lacks)), "{text}");
        }
        for text in [
            "",
            "onnx:",
            "thrift://h?name=m&dimension=3",
            "thrift://:1",
            "service:?name=m",
            "http://h:1",
            "thrift://h:0?name=m&dimension=3",
            "thrift://h:1?name=m&dimension=3&x=1",
        ] {
            assert_eq!(text.parse::<ModelUrl>(), Err(ModelUrlRefused::Unknown), "{text}");
        }
    }
}
