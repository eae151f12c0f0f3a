//! The doors between the rooms: which crate may use which.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{collections::BTreeMap, fs, path::Path};

/// `pkg/*` use each other only downwards: each may use those before it.
const PACKAGES: [&str; 11] = [
    "base",
    "config",
    "registry",
    "governance",
    "identity",
    "telemetry",
    "call",
    "store",
    "cache",
    "media",
    "vectors",
];
/// The rooms that answer to the outside; none of them knows another.
const ROOMS: [&str; 5] = ["http", "rpc/user", "rpc/video", "rpc/interaction", "rpc/social"];

#[test]
fn packages_use_only_packages_below_them() {
    for (place, name) in PACKAGES.iter().enumerate() {
        let below = &PACKAGES[..place];
        for used in own_dependencies(&format!("pkg/{name}")) {
            let allowed = below.contains(&used.as_str()) || (used == "volo-gen" && *name == "call");
            assert!(allowed, "pkg/{name} must not use {used}");
        }
    }
}

#[test]
fn rooms_use_packages_and_generated_code_but_no_other_room() {
    for room in ROOMS {
        for used in own_dependencies(room) {
            let allowed = PACKAGES.contains(&used.as_str()) || used == "volo-gen";
            assert!(allowed, "{room} must not use {used}");
        }
    }
}

#[test]
fn every_package_has_its_place_in_the_order() {
    let folders = fs::read_dir(root().join("pkg")).unwrap();
    let mut names: Vec<String> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    let mut known = PACKAGES.map(str::to_owned).to_vec();
    names.sort();
    known.sort();
    assert_eq!(names, known);
}

/// What a crate uses of this workspace, without the prefix `fanone-`.
fn own_dependencies(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let dependencies: BTreeMap<String, toml::Value> =
        manifest.get("dependencies").unwrap().clone().try_into().unwrap();
    let names = dependencies.into_keys();
    names
        .filter_map(|name| match name.strip_prefix("fanone-") {
            Some(short) => Some(short.to_owned()),
            None => (name == "volo-gen").then_some(name),
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
