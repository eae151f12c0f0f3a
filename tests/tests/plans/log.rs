//! Reads the server's log: every statement that was run, and the plan by which it was.

/// One run of a statement.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) sql: String,
    /// Rows that were read for it.
    pub(crate) examined: u64,
    pub(crate) plan: Vec<Access>,
}

/// How a statement comes at the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Access {
    pub(crate) table: String,
    /// As EXPLAIN says it: `const`, `ref`, `range`, `index`, `ALL`…
    pub(crate) kind: String,
    pub(crate) index: String,
    pub(crate) extra: String,
}

/// What `user` has run, without what goes to no table.
pub(crate) fn runs_of(user: &str, log: &str) -> Vec<Run> {
    let entries = log.split("\n# User@Host: ").skip(1);
    entries.filter(|entry| entry.starts_with(&format!("{user}["))).filter_map(run).collect()
}

fn run(entry: &str) -> Option<Run> {
    let mut lines = entry.lines().skip(1);
    let (mut examined, mut plan) = (0, Vec::new());
    let mut sql = Vec::new();
    for line in lines.by_ref() {
        if let Some(explained) = line.strip_prefix("# explain: ") {
            plan.extend(access(explained));
        } else if line.starts_with("# administrator command") {
            return None;
        } else if line.starts_with('#') {
            examined = number_after("Rows_examined: ", line).unwrap_or(examined);
        } else if !line.starts_with("SET timestamp=") && !line.starts_with("use ") {
            sql.push(line);
            break;
        }
    }
    // A statement may have several lines; the next entry may begin with its time.
    sql.extend(lines.take_while(|line| !line.starts_with("# Time: ")));
    let sql = sql.join("\n").trim_end().trim_end_matches(';').to_owned();
    let is_about_rows = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| sql.starts_with(verb));
    let is_of_a_table = sql.contains(" FROM ") || !sql.starts_with("SELECT ");
    (is_about_rows && is_of_a_table).then_some(Run { sql, examined, plan })
}

fn number_after(name: &str, line: &str) -> Option<u64> {
    line.split_once(name)?.1.split_whitespace().next()?.parse().ok()
}

/// A line of EXPLAIN: id, select_type, table, type, possible_keys, key, …, Extra. None: no table is read.
fn access(line: &str) -> Option<Access> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [_, select, table, kind, _, index, .., extra] = cells.as_slice() else { return None };
    let reads = *select != "INSERT" && *select != "select_type" && *table != "NULL";
    reads.then(|| Access {
        table: (*table).to_owned(),
        kind: (*kind).to_owned(),
        index: (*index).to_owned(),
        extra: (*extra).to_owned(),
    })
}

/// A statement without its values: two that differ in values and in how many there are have the same shape.
pub(crate) fn shape(sql: &str) -> String {
    let mut shape = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        let begins_word = !before.is_alphanumeric() && before != '_';
        match char {
            '\'' => {
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' => drop(chars.next()),
                        '\'' if chars.peek() == Some(&'\'') => drop(chars.next()),
                        '\'' => break,
                        _ => {}
                    }
                }
                shape.push('?');
            }
            '0'..='9' if begins_word => {
                while chars.peek().is_some_and(|next| next.is_ascii_alphanumeric() || *next == '.') {
                    chars.next();
                }
                shape.push('?');
            }
            '-' if begins_word && chars.peek().is_some_and(char::is_ascii_digit) => {}
            '`' => {}
            '\n' => shape.push(' '),
            char => shape.push(char),
        }
        before = char;
    }
    let mut shape = shape.replace(", NULL", ", ?");
    for (list, one) in [("?, ?", "?"), ("(?), (?)", "(?)")] {
        while shape.contains(list) {
            shape = shape.replace(list, one);
        }
    }
    abridge(&without_counters(&shape))
}

/// Long lists of columns are not read by anybody.
fn abridge(shape: &str) -> String {
    const SHOWN: usize = 2;
    let short = |columns: &str| {
        let parts: Vec<&str> = columns.split(", ").collect();
        let is_long = parts.len() > 3 * SHOWN && !columns.contains('(');
        if is_long { format!("{}, …", parts[..SHOWN].join(", ")) } else { columns.to_owned() }
    };
    let mut text = String::new();
    for (number, part) in shape.split("SELECT ").enumerate() {
        match part.split_once(" FROM ") {
            Some((columns, rest)) if number > 0 => {
                text.push_str(&format!("SELECT {} FROM {rest}", short(columns)))
            }
            _ if number > 0 => text.push_str(&format!("SELECT {part}")),
            _ => text.push_str(part),
        }
    }
    match text.split_once(") VALUES ").and_then(|(insert, rest)| Some((insert.split_once(" (")?, rest))) {
        Some(((insert, columns), rest)) => format!("{insert} ({}) VALUES {rest}", short(columns)),
        None => text,
    }
}

/// Which numbers of a row go up or down together is a matter of chance.
fn without_counters(shape: &str) -> String {
    let parts =
        shape.split_once(" SET ").and_then(|(update, rest)| Some((update, rest.split_once(" WHERE ")?)));
    let Some((update, (assignments, condition))) = parts else { return shape.to_owned() };
    let is_counter = |assignment: &str| assignment.ends_with(" + ?");
    let assignments = if assignments.split(", ").all(is_counter) { "… = … + ?" } else { assignments };
    format!("{update} SET {assignments} WHERE {condition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_differ_in_values_have_one_shape() {
        let one = shape("SELECT `a`.`b1` FROM `a` WHERE `a`.`b1` IN (5, -6) AND c = 'it''s \\'x\\'' LIMIT 5");
        assert_eq!(one, "SELECT a.b1 FROM a WHERE a.b1 IN (?) AND c = ? LIMIT ?");
        assert_eq!(
            shape("INSERT INTO t (a, b) VALUES (1, NULL), (2, 'x')"),
            "INSERT INTO t (a, b) VALUES (?)"
        );
    }
}
