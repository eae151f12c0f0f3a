//! The document of the data keeps up with the schemas.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{fs, path::Path};

use fanone_tests::repository;

/// Where `CREATE …` may stand.
const SOURCES: [&str; 2] = ["rpc", "pkg/store/src"];

/// The names behind `CREATE TABLE` or `CREATE INDEX` (or another `verb`) in every Rust file below `folder`.
fn collect(folder: &Path, verb: &str, kind: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, verb, kind, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let statements = text.split(verb).skip(1);
            let rest = statements.filter_map(|rest| rest.trim_start_matches("UNIQUE ").strip_prefix(kind));
            let rest = rest.map(|rest| rest.trim_start().trim_start_matches("IF NOT EXISTS "));
            let words = rest.filter_map(|rest| rest.split_whitespace().next());
            let is_name = |word: &&str| word.chars().all(|char| char.is_alphanumeric() || char == '_');
            names.extend(words.filter(is_name).map(str::to_owned));
        }
    }
}

fn names(kind: &str) -> Vec<String> {
    let (mut names, mut dropped) = (Vec::new(), Vec::new());
    for source in SOURCES {
        collect(&repository(source), "\"CREATE ", kind, &mut names);
        collect(&repository(source), "\"DROP ", kind, &mut dropped);
    }
    names.retain(|name| !dropped.contains(name));
    assert!(names.len() > 15, "only {names:?} were found: has the SQL moved?");
    names
}

/// The first cell of each row of a table that names something in code.
fn rows(document: &str) -> Vec<&str> {
    document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_table_has_a_row_and_every_index_one_with_the_query_it_serves() {
    let text = fs::read_to_string(repository("docs/data.md")).unwrap();
    let mut described = rows(&text);
    let mut existing = [names("TABLE"), names("INDEX")].concat();
    described.sort_unstable();
    existing.sort_unstable();
    assert_eq!(described, existing, "left: docs/data.md, right: the migrations");
}
