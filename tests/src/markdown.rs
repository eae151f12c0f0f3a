//! Tables in the docs, to hold a program to them.

use std::fs;

use crate::repository;

/// The cells of the rows of the table in the document at `path` of the repository whose first cells are code, without its signs.
pub fn rows(path: &str) -> Vec<Vec<String>> {
    table_lines(path, "| `")
}

/// The names of its columns, of which `first` is the first.
pub fn columns(path: &str, first: &str) -> Vec<String> {
    table_lines(path, &format!("| {first} |")).into_iter().next().expect("a table with this column")
}

fn table_lines(path: &str, start: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(repository(path)).expect("read the docs");
    let cells = |line: &str| {
        let inside = line.trim_end().trim_start_matches('|').trim_end_matches('|');
        inside.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    text.lines().filter(|line| line.starts_with(start)).map(cells).collect()
}
