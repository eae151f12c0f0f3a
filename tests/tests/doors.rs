//! The doors between the rooms: which crate may use which, and what stays out of a service's logic.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// `pkg/*` use each other only downwards: each may use those before it.
const PACKAGES: [&str; 12] = [
    "base",
    "config",
    "registry",
    "identity",
    "telemetry",
    "live",
    "governance",
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
            // `vectors` calls models that are elsewhere.
            let generated = used == "volo-gen" && matches!(*name, "call" | "vectors");
            let allowed = below.contains(&used.as_str()) || generated;
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

/// In a service, code generated from the IDL is for the files that take calls or make them; the use cases between them
/// and the rows do without.
#[test]
fn logic_is_free_of_thrift() {
    const BORDER: [&str; 7] = ["service", "input", "wire", "counters", "jobs", "convert", "testing"];
    for (file, code) in service_files() {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let is_border = BORDER.contains(&stem);
        assert!(is_border || !code.contains("volo_gen"), "{} must not know Thrift", file.display());
    }
}

#[test]
fn statements_are_in_the_store_folders() {
    const STATEMENTS: [&str; 5] = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "\"CREATE "];
    for (file, code) in service_files() {
        let is_store = file.parent().unwrap().ends_with("store");
        let found = STATEMENTS.iter().find(|statement| code.contains(**statement));
        assert!(is_store || found.is_none(), "{} holds SQL: {found:?}", file.display());
    }
}

/// A statement needs a reader or a transaction, which only a shard gives; one shard is had by a bucket. What has no bucket
/// to ask for is here: file, how many places, why.
#[test]
fn every_shard_is_asked_only_where_there_is_no_bucket() {
    const PLACES: [(&str, usize, &str); 9] = [
        (
            "rpc/social/src/chat/unread.rs",
            1,
            "the conversations of a user, which are where the other end or the group is",
        ),
        ("rpc/social/src/follow.rs", 1, "the followers of a user, each in the shard of the one who follows"),
        ("rpc/social/src/group.rs", 1, "the groups of a user, each in a shard of its own"),
        (
            "rpc/user/src/described.rs",
            2,
            "the pictures that a model has yet to describe, which are everybody's",
        ),
        ("rpc/user/src/feed.rs", 1, "whether a shared index knows all of it"),
        (
            "rpc/user/src/pictures.rs",
            3,
            "the picture index, which holds everybody's: filled at the start, and kept up",
        ),
        (
            "rpc/user/src/reindex.rs",
            3,
            "the same, made anew: how many there are, all of them, and what came meanwhile",
        ),
        ("rpc/user/src/store/pictures.rs", 1, "the same"),
        ("rpc/video/src/store/listing.rs", 1, "feed, popular and search, which are about everybody's videos"),
    ];
    let places = |code: &str| code.matches(".shards()").count();
    let mut found: Vec<(String, usize)> = service_files()
        .into_iter()
        .filter(|(file, code)| places(code) > 0 && !file.ends_with("testing.rs"))
        .map(|(file, code)| (file.strip_prefix(root()).unwrap().display().to_string(), places(&code)))
        .collect();
    found.sort();
    let known: Vec<(String, usize)> =
        PLACES.iter().map(|(file, count, _)| ((*file).to_owned(), *count)).collect();
    assert_eq!(found, known, "left: the code, right: the places that are known");
}

/// The Rust files of the services, with their text up to the unit tests.
fn service_files() -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                found.push((path, code.to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    for room in ROOMS.iter().filter(|room| room.starts_with("rpc/")) {
        collect(&root().join(room).join("src"), &mut found);
    }
    assert!(found.len() > 30, "only {} files: have the services moved?", found.len());
    found
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
