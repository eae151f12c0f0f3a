//! What no statement may do, and the few that may.

use std::fmt::Write as _;

use crate::{
    log::Access,
    statements::{Statement, Statements},
};

/// Tables that stay small, and why. (Those that only say what is in the database are not looked at:
/// `statements::OF_THE_START`.)
const SMALL: [(&str, &str); 4] = [
    ("lease", "a row for each scheduled job"),
    ("outbox_batch", "a row for each destination"),
    ("inbox", "a row for each shard that sends batches"),
    ("inbox_moved", "a row for each range that was moved and each sender"),
];

/// So many rows one statement may read: a few pages of a list, a batch, what one purge removes.
const ROWS_MAX: u64 = 2500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A whole table or a whole index is read.
    Scan,
    /// Rows are sorted after they were read.
    Sort,
    /// Rows are put aside before they are used.
    Temporary,
    /// Several indexes are read and their results joined.
    Merge,
    /// More than [`ROWS_MAX`] rows are read.
    ManyRows,
}

/// Who may do what, in which of their statements, and what bounds it.
const EXCEPTIONS: &[(&str, &str, Fault, &str)] = &[
    (
        "video::listing::rows_of",
        "LIKE",
        Fault::ManyRows,
        "a search for words looks at each text, newest first",
    ),
    ("video::listing::keys_of", "LIKE", Fault::ManyRows, "the same for a later page"),
    (
        "video::listing::count_of",
        "",
        Fault::ManyRows,
        "a search counts all that fits: an index without words, texts with",
    ),
    ("social::follows::count_following", "", Fault::ManyRows, "nobody follows more than FOLLOWING_MAX"),
    ("social::follows::count_following_locked", "", Fault::ManyRows, "the same"),
    ("social::follows::following", "", Fault::ManyRows, "the same; friends are looked for among all of them"),
    ("social::follows::count_followers", "", Fault::ManyRows, "counts the entries of an index"),
    ("user::pictures::count", "", Fault::Scan, "counts the entries of an index, for `fanone reindex` alone"),
    ("user::pictures::count", "", Fault::ManyRows, "the same"),
    ("store::outbox::report_lag", "", Fault::ManyRows, "stops at COUNTED_MAX"),
    (
        "interaction::comments::replies",
        "",
        Fault::ManyRows,
        "what hangs below a comment goes with it, in one transaction",
    ),
];

/// Fails with every statement that does what it may not.
pub(crate) fn hold(statements: &Statements) {
    let mut text = String::new();
    let mut used = Vec::new();
    for (shape, statement) in statements {
        for fault in faults(statement) {
            let exception = EXCEPTIONS.iter().position(|(who, part, what, _)| {
                *what == fault && shape.contains(part) && statement.functions.iter().any(|name| name == who)
            });
            match exception {
                Some(exception) => used.push(exception),
                None => writeln!(
                    text,
                    "{fault:?} {} rows, {:?}: {shape}\n    {:?}\n    {:.500}",
                    statement.examined, statement.functions, statement.accesses, statement.example
                )
                .unwrap(),
            }
        }
    }
    assert!(text.is_empty(), "{text}");
    let idle = EXCEPTIONS.iter().enumerate().filter(|(number, _)| !used.contains(number));
    let idle: Vec<_> = idle.map(|(_, exception)| exception).collect();
    assert!(idle.is_empty(), "exceptions that nobody needs: {idle:?}");
}

fn faults(statement: &Statement) -> Vec<Fault> {
    let mut faults: Vec<Fault> = statement.accesses.iter().flat_map(of_access).collect();
    if statement.examined > ROWS_MAX {
        faults.push(Fault::ManyRows);
    }
    faults.dedup();
    faults
}

fn of_access(access: &Access) -> Vec<Fault> {
    // `<derived2>` and its like hold what another line has read, which is looked at there.
    if access.table.starts_with('<') || SMALL.iter().any(|(table, _)| *table == access.table) {
        return Vec::new();
    }
    let is = |what: &str| access.extra.contains(what);
    let faults = [
        (matches!(access.kind.as_str(), "ALL" | "index") || is("join buffer"), Fault::Scan),
        (is("filesort"), Fault::Sort),
        (is("temporary"), Fault::Temporary),
        (access.kind == "index_merge", Fault::Merge),
    ];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| fault).collect()
}
