//! Reading the registry's URL.

use std::sync::Arc;

use fanone_config::NacosUrl;

use crate::{Instance, Options, Registry, nacos::Nacos, table::Table};

/// A registry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The URL names no kind of registry that exists. What follows the scheme may hold a password.
    #[error("the registry {0:?} is neither memory:, static: nor nacos:")]
    Unknown(String),
    /// A part of a `static:` list is no instance.
    #[error("{0:?} in the static registry is not SERVICE=HOST:PORT with a numeric host")]
    NotAnInstance(String),
    /// A `static:` list is empty.
    #[error("the static registry names no instance")]
    Empty,
    /// The URL of a Nacos cannot be read.
    #[error("the registry is not nacos://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/NAMESPACE]")]
    NotANacos,
    /// No client of a Nacos can be made.
    #[error("no HTTP client can be made")]
    Client,
}

pub(crate) fn open(url: &str, options: Options) -> Result<Registry, RegistryError> {
    if url == "memory:" {
        return Ok(Registry::memory());
    }
    if let Some(list) = url.strip_prefix("static:") {
        return fixed(list);
    }
    if url.starts_with("nacos:") {
        let url = NacosUrl::parse(url).ok_or(RegistryError::NotANacos)?;
        let table = Arc::new(Table::default());
        return Ok(Registry::nacos(Nacos::open(url, options, Arc::clone(&table))?, table));
    }
    Err(RegistryError::Unknown(url.split_inclusive(':').next().unwrap_or_default().to_owned()))
}

fn fixed(list: &str) -> Result<Registry, RegistryError> {
    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    let instances = parts.map(instance).collect::<Result<Vec<_>, _>>()?;
    if instances.is_empty() {
        return Err(RegistryError::Empty);
    }
    Ok(Registry::fixed(instances))
}

fn instance(part: &str) -> Result<Instance, RegistryError> {
    let (service, address) = part.split_once('=').unwrap_or_default();
    match address.trim().parse() {
        Ok(address) if !service.trim().is_empty() => Ok(Instance::new(service.trim(), address)),
        _ => Err(RegistryError::NotAnInstance(part.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> Result<Registry, RegistryError> {
        super::open(url, Options::default())
    }

    #[test]
    fn only_what_can_be_used_is_accepted() {
        assert!(open("memory:").is_ok());
        assert!(open("static:a=127.0.0.1:1, a=[::1]:2,b=10.0.0.1:3").is_ok());
        assert_eq!(open("static:").unwrap_err(), RegistryError::Empty);
        assert_eq!(open("nacos://").unwrap_err(), RegistryError::NotANacos);
        for list in ["a", "a=", "=127.0.0.1:1", "a=127.0.0.1", "a=nowhere:1"] {
            let error = open(&format!("static:{list}")).unwrap_err();
            assert_eq!(error, RegistryError::NotAnInstance(list.to_owned()));
        }
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        let error = open("etcd://u:hunter2@h").unwrap_err();
        assert_eq!(error, RegistryError::Unknown("etcd:".to_owned()));
        assert!(!open("nacos://u:hunter2@h").unwrap_err().to_string().contains("hunter2"));
    }
}
