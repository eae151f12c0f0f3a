//! How this process presents itself in the registry.

use std::{collections::BTreeMap, net::SocketAddr};

use fanone_base::time;
use fanone_config::{Role, Settings};
use fanone_registry::{Instance, Options};

/// What a registry on a server needs to know of a process that plays `roles`.
pub(crate) fn options(settings: &Settings, roles: &[Role]) -> Options {
    let name = match roles {
        [role] => role.service_name().to_owned(),
        _ => "fanone".to_owned(),
    };
    Options {
        folder: settings.data_dir.join("registry").join(&name),
        advertise: settings.registry.advertise(),
        name,
    }
}

/// `role` on `address`, with what an operator wants to know of it.
pub(crate) fn instance(settings: &Settings, role: Role, address: SocketAddr) -> Instance {
    let (protocol, transport, framework) = match role {
        Role::Http => ("http", "tcp", "volo-http"),
        _ => ("thrift", "ttheader", "volo"),
    };
    let started_at = time::format(time::now_ms(), &settings.time_zone);
    let metadata = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("commit", env!("BUILD_COMMIT")),
        ("language", "rust"),
        ("framework", framework),
        ("protocol", protocol),
        ("transport", transport),
        ("started_at", started_at.as_str()),
    ];
    let metadata: BTreeMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Instance { metadata, ..Instance::new(role.service_name(), address) }
}

#[cfg(test)]
mod tests {
    /// `cargo run` hands what the build script says to the program as well.
    #[test]
    fn nothing_of_the_build_looks_like_a_setting() {
        let taken = fanone_config::environment().find(|(_, value)| value == env!("BUILD_COMMIT"));
        assert_eq!(taken, None);
    }
}
