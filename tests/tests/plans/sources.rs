//! The functions of the code that send statements.

use std::{collections::BTreeMap, fs, path::Path};

use fanone_tests::{repository, site::SERVICES};

/// Of the store itself only what is about tables that grow; the rest makes and reads the schema, or moves rows while
/// the site is stopped.
const OF_STORE: [&str; 4] = ["inbox", "lease", "outbox", "presence"];

/// What sends a statement, as it stands in the code.
const SENDS: [&str; 8] = [
    ".all(",
    ".one(",
    ".count(",
    ".exec(",
    ".exec_without_returning(",
    ".execute_raw(",
    ".query_one_raw(",
    ".query_all_raw(",
];

/// How many places of each function send something: `service::file::function`.
pub(crate) fn functions() -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for service in SERVICES {
        let folder = repository(&format!("rpc/{service}/src/store"));
        for entry in fs::read_dir(folder).unwrap() {
            collect(service, &entry.unwrap().path(), &mut found);
        }
    }
    for file in OF_STORE {
        collect("store", &repository(&format!("pkg/store/src/{file}.rs")), &mut found);
    }
    assert!(found.len() > 60, "only {} functions: have the stores moved?", found.len());
    found
}

fn collect(service: &str, path: &Path, found: &mut BTreeMap<String, usize>) {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let file = path.file_stem().unwrap().to_str().unwrap();
    for function in code.split("fn ").skip(1) {
        let name: String =
            function.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
        let sends = SENDS.iter().map(|send| sends(function, send)).sum::<usize>();
        if sends > 0 && !name.is_empty() {
            *found.entry(format!("{service}::{file}::{name}")).or_default() += sends;
        }
    }
}

/// Calls of that name which take a connection: no closure, and not nothing.
fn sends(function: &str, call: &str) -> usize {
    let calls = function.split(call).skip(1);
    calls.filter(|argument| !argument.starts_with(['|', ')'])).count()
}
