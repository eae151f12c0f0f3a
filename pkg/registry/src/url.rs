//! Reading the registry's URL.

use crate::{Instance, Registry};

/// A registry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The URL names no kind of registry that exists.
    #[error("the registry {0:?} is neither memory: nor static:")]
    Unknown(String),
    /// A part of a `static:` list is no instance.
    #[error("{0:?} in the static registry is not SERVICE=HOST:PORT with a numeric host")]
    NotAnInstance(String),
    /// A `static:` list is empty.
    #[error("the static registry names no instance")]
    Empty,
}

pub(crate) fn parse(url: &str) -> Result<Registry, RegistryError> {
    if url == "memory:" {
        return Ok(Registry::memory());
    }
    let Some(list) = url.strip_prefix("static:") else {
        return Err(RegistryError::Unknown(url.to_owned()));
    };
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

    #[test]
    fn only_what_can_be_used_is_accepted() {
        assert!(parse("memory:").is_ok());
        assert!(parse("static:a=127.0.0.1:1, a=[::1]:2,b=10.0.0.1:3").is_ok());
        assert_eq!(parse("static:").unwrap_err(), RegistryError::Empty);
        assert!(matches!(parse("etcd:"), Err(RegistryError::Unknown(_))));
        for list in ["a", "a=", "=127.0.0.1:1", "a=127.0.0.1", "a=nowhere:1"] {
            let error = parse(&format!("static:{list}")).unwrap_err();
            assert_eq!(error, RegistryError::NotAnInstance(list.to_owned()));
        }
    }
}
