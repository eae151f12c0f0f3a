//! What was seen, and the list that it is held to.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
};

use fanone_tests::repository;

use crate::{
    log::{Access, Run, shape},
    sources,
};

const LIST: &str = "tests/tests/plans/statements.txt";
const HEAD: &str = "\
# The statements of the site and how MariaDB answers them: table, access, index. Written by the test `plans`.
# A statement may be one of several functions; new ones stand below `?` until somebody says whose they are.
";
const NOBODYS: &str = "?";
/// Read once, when a process starts, and small.
const OF_THE_START: [&str; 3] = ["migration", "store_identity", "bucket_range"];

/// Functions in which so many places send what another place of theirs sends, too.
const TWICE: [(&str, usize); 2] = [("store::inbox::advance", 1), ("user::mfa::find", 1)];
/// A select that reads so many rows has one best index. For a few rows, or for those that a change names by their keys,
/// several may be equally good, and chance decides.
const WEIGHTY: u64 = 100;

/// All runs of one shape.
pub(crate) struct Statement {
    pub(crate) accesses: BTreeSet<Access>,
    /// Those of selects that read many rows.
    weighty: BTreeSet<Access>,
    /// The most rows that one run has read.
    pub(crate) examined: u64,
    /// The run that read so many.
    pub(crate) example: String,
    /// Who sends it.
    pub(crate) functions: Vec<String>,
}

/// By shape.
pub(crate) type Statements = BTreeMap<String, Statement>;

/// Of the list: shapes with their lines of accesses, by the functions above them.
type List = Vec<(String, BTreeMap<String, BTreeSet<String>>)>;

/// The runs by shape, with the functions that the list says.
pub(crate) fn collect(runs: &[Run]) -> Statements {
    assert!(runs.len() > 1000, "only {} statements were logged", runs.len());
    let list = read();
    let mut statements = Statements::new();
    for run in runs {
        let shape = shape(&run.sql);
        if OF_THE_START.iter().any(|table| format!("{shape} ").contains(&format!(" FROM {table} "))) {
            continue;
        }
        let functions = || {
            let heads = list.iter().filter(|(_, shapes)| shapes.contains_key(&shape)).map(|(head, _)| head);
            heads.flat_map(|head| head.split(", ").map(str::to_owned)).collect()
        };
        let statement = statements.entry(shape.clone()).or_insert_with(|| Statement {
            accesses: BTreeSet::new(),
            weighty: BTreeSet::new(),
            examined: 0,
            example: run.sql.clone(),
            functions: functions(),
        });
        statement.accesses.extend(run.plan.iter().cloned());
        if run.examined >= WEIGHTY && shape.starts_with("SELECT ") {
            statement.weighty.extend(run.plan.iter().cloned());
        }
        if run.examined > statement.examined {
            (statement.examined, statement.example) = (run.examined, run.sql.clone());
        }
    }
    statements
}

/// Every statement is listed, with every way that it read many rows, and every function of the code has its statements.
pub(crate) fn hold_to_the_list(seen: &Statements) {
    let list = read();
    if env::var_os("UPDATE_SNAPSHOT").is_some() {
        return write(seen, &list);
    }
    let mut faults = Vec::new();
    for (shape, statement) in seen {
        let listed: BTreeSet<&String> =
            list.iter().filter_map(|(_, shapes)| shapes.get(shape)).flatten().collect();
        if statement.functions.is_empty() {
            faults.push(format!("not listed: {shape}"));
        }
        let is_listed =
            |access: &Access| listed.iter().any(|line| index_of(line) == index_of(&self::line(access)));
        let new = statement.weighty.iter().filter(|access| !is_listed(access)).map(line);
        faults.extend(new.map(|line| format!("answered in another way: {shape}\n    {line}")));
    }
    for (head, shapes) in &list {
        let gone = shapes.keys().filter(|shape| !seen.contains_key(*shape));
        faults.extend(gone.map(|shape| format!("{head} did not send: {shape}")));
    }
    faults.extend(faults_of_functions(&list));
    assert!(faults.is_empty(), "{LIST} (UPDATE_SNAPSHOT=1 writes it anew):\n{}", faults.join("\n"));
}

fn faults_of_functions(list: &List) -> Vec<String> {
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for (head, shapes) in list {
        for function in head.split(", ") {
            *listed.entry(function).or_default() += shapes.len();
        }
    }
    let functions = sources::functions();
    let unknown = listed.keys().filter(|name| !functions.contains_key(**name));
    let unknown = unknown.map(|name| format!("no function sends anything under the name {name}"));
    let too_few = functions.iter().filter_map(|(name, places)| {
        let twice =
            TWICE.iter().filter(|(function, _)| function == name).map(|(_, places)| places).sum::<usize>();
        let shapes = listed.get(name.as_str()).copied().unwrap_or_default() + twice;
        (shapes < *places)
            .then(|| format!("{name} sends from {places} places, {shapes} statements are listed"))
    });
    unknown.chain(too_few).collect()
}

fn line(access: &Access) -> String {
    format!("{} {} {}", access.table, access.kind, access.index)
}

/// Table and index of a line. Whether a run of one index is a `ref` or a `range` may be a matter of chance, too.
fn index_of(line: &str) -> Option<(&str, &str)> {
    Some((line.split_once(' ')?.0, line.rsplit_once(' ')?.1))
}

fn read() -> List {
    let text = fs::read_to_string(repository(LIST)).unwrap_or_default();
    let mut list = List::new();
    for line in text.lines().filter(|line| !line.starts_with("# ") && !line.is_empty()) {
        if let Some(head) = line.strip_prefix("== ") {
            list.push((head.to_owned(), BTreeMap::new()));
        } else if let Some((_, shapes)) = list.last_mut() {
            match (line.strip_prefix("    "), shapes.last_entry()) {
                (Some(access), Some(mut last)) => drop(last.get_mut().insert(access.to_owned())),
                _ => drop(shapes.insert(line.to_owned(), BTreeSet::new())),
            }
        }
    }
    list
}

fn write(seen: &Statements, list: &List) {
    let mut text = HEAD.to_owned();
    let mut by_head: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (shape, statement) in seen {
        let heads =
            list.iter().filter(|(_, shapes)| shapes.contains_key(shape)).map(|(head, _)| head.as_str());
        let mut heads: Vec<&str> = heads.collect();
        if statement.functions.is_empty() {
            heads.push(NOBODYS);
        }
        heads.into_iter().for_each(|head| by_head.entry(head).or_default().push(shape));
    }
    for (head, shapes) in by_head {
        writeln!(text, "\n== {head}").unwrap();
        for shape in shapes {
            writeln!(text, "{shape}").unwrap();
            let lines: BTreeSet<String> = seen[shape].accesses.iter().map(line).collect();
            lines.iter().for_each(|line| writeln!(text, "    {line}").unwrap());
        }
    }
    fs::write(repository(LIST), text).unwrap();
}
