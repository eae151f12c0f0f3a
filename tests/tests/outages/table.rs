//! The table in the docs.

use std::{collections::BTreeMap, fmt::Write as _};

use fanone_tests::markdown;

const TABLE: &str = "docs/outages.md";

/// What is answered while a part is away, by operation and part.
pub(crate) type Cells = BTreeMap<(String, String), Cell>;

/// What an operation answers while a part is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// As always.
    Usual,
    /// "Temporarily unavailable".
    Unavailable,
    /// As always if the answer is remembered, else "temporarily unavailable".
    Remembered,
}

impl Cell {
    const fn sign(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Unavailable => "503",
            Self::Remembered => "(503)",
        }
    }

    /// Whether it says that this may be.
    pub(crate) fn allows(self, seen: Self) -> bool {
        self == seen || self == Self::Remembered
    }
}

/// The table as it stands in the docs.
pub(crate) struct Documented {
    /// The columns: parts by their names in the test.
    pub(crate) parts: Vec<String>,
    /// The rows.
    pub(crate) operations: Vec<String>,
    pub(crate) cells: Cells,
}

/// Reads it.
pub(crate) fn documented() -> Documented {
    let head = markdown::columns(TABLE, "operation");
    let parts = head[1..].to_vec();
    let mut table = Documented { parts, operations: Vec::new(), cells: Cells::new() };
    for row in markdown::rows(TABLE) {
        let operation = row[0].clone();
        assert_eq!(row.len(), head.len(), "{operation}: a cell for each part");
        for (part, sign) in table.parts.iter().zip(&row[1..]) {
            let known = [Cell::Usual, Cell::Unavailable, Cell::Remembered];
            let cell = known.into_iter().find(|cell| cell.sign() == sign);
            let cell = cell.unwrap_or_else(|| panic!("{operation}, {part}: what is `{sign}`?"));
            table.cells.insert((operation.clone(), part.clone()), cell);
        }
        table.operations.push(operation);
    }
    table
}

/// As it should stand in the docs, for a message that can be copied.
pub(crate) fn shown(operations: &[String], parts: &[String], cells: &Cells) -> String {
    let mut text = String::new();
    for operation in operations {
        write!(text, "| `{operation}` |").expect("write to a string");
        for part in parts {
            let sign = cells.get(&(operation.clone(), part.clone())).map_or("?", |cell| cell.sign());
            let sign = if sign.is_empty() { " ".to_owned() } else { format!(" {sign} ") };
            write!(text, "{sign}|").expect("write to a string");
        }
        text.push('\n');
    }
    text
}
