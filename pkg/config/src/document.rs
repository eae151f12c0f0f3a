//! The settings as flat keys with their origin, and how one layer is laid over another.

use std::fmt;
use std::path::Path;

use toml::de::DeTable;
use toml::{Table, Value};

use crate::fault::{Fault, Origin};

/// The embedded defaults, which are the schema too.
const DEFAULTS: &str = include_str!("default.toml");
const ENVIRONMENT_PREFIX: &str = "FANONE_";

/// One setting: `section.key`, or the name of a key at the top.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl Entry {
    /// The value as text; empty for one that is no text.
    pub(crate) fn text(&self) -> &str {
        self.value.as_str().unwrap_or_default()
    }

    /// Whether it is an empty text: a place that another setting fills in.
    pub(crate) fn is_empty(&self) -> bool {
        self.value.as_str().is_some_and(|text| text.trim().is_empty())
    }
}

/// Every setting, in the order of the default document.
#[derive(Clone)]
pub(crate) struct Document(Vec<Entry>);

/// Values may be secrets: they are printed by `Settings::render` alone.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} entries)", self.0.len())
    }
}

impl Document {
    pub(crate) fn defaults() -> Result<Self, Fault> {
        parse(DEFAULTS, |_line| Origin::Default).map(Self)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn set(&mut self, key: &str, value: Value, origin: Origin) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.key == key) {
            entry.value = value;
            entry.origin = origin;
        }
    }

    /// Lays a settings file over what is there.
    pub(crate) fn apply_file(&mut self, path: &Path, faults: &mut Vec<Fault>) {
        let origin = |line| Origin::File(path.to_path_buf(), line);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return faults.push(Fault::new("", origin(None), format!("can't be read: {error}")));
            }
        };
        match parse(&text, origin) {
            Ok(entries) => entries.into_iter().for_each(|entry| self.apply(entry, faults)),
            Err(fault) => faults.push(fault),
        }
    }

    /// Lays an environment variable over what is there; one of another program is passed over.
    pub(crate) fn apply_variable(&mut self, name: &str, text: &str, faults: &mut Vec<Fault>) {
        let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) else { return };
        let key = rest.replacen("__", ".", 1).to_lowercase();
        let origin = Origin::Environment(name.to_owned());
        let Some(known) = self.get(&key) else {
            return faults.push(Fault::new(&key, origin, self.unknown(&key)));
        };
        let value = if may_be_shards(&key) && text.trim_start().starts_with('[') {
            parse_shards(text)
        } else {
            parse_as(&known.value, text)
        };
        match value {
            Some(value) => self.set(&key, value, origin),
            None if may_be_shards(&key) => {
                faults.push(Fault::new(&key, origin, crate::database::EXPECTED));
            }
            None => {
                let problem = format!("expected {}", expected(&known.value));
                faults.push(Fault::new(&key, origin, problem));
            }
        }
    }

    /// Lays one setting over what is there.
    pub(crate) fn apply(&mut self, entry: Entry, faults: &mut Vec<Fault>) {
        let Some(known) = self.get(&entry.key) else {
            let section = self.is_section(&entry.key);
            if section && entry.value.is_table() {
                return;
            }
            let problem = if section { "expected a section".to_owned() } else { self.unknown(&entry.key) };
            return faults.push(Fault::new(&entry.key, entry.origin, problem));
        };
        let shards = may_be_shards(&entry.key) && entry.value.is_array();
        if shards || is_kind_of(&known.value, &entry.value) {
            self.set(&entry.key, entry.value, entry.origin);
        } else {
            let problem = format!("expected {}, found {}", expected(&known.value), expected(&entry.value));
            faults.push(Fault::new(&entry.key, entry.origin, problem));
        }
    }

    fn is_section(&self, name: &str) -> bool {
        self.0.iter().any(|entry| section_of(&entry.key) == name && !name.is_empty())
    }

    /// Names what could have been meant: the keys of the same section, or the sections.
    fn unknown(&self, key: &str) -> String {
        let section = section_of(key);
        if self.is_section(section) {
            let keys: Vec<&str> =
                self.0.iter().filter_map(|e| e.key.strip_prefix(section)?.strip_prefix('.')).collect();
            return format!("unknown key; [{section}] has {}", keys.join(", "));
        }
        let mut names: Vec<&str> =
            self.0.iter().map(|e| e.key.split('.').next().unwrap_or_default()).collect();
        names.dedup();
        format!("unknown; there are {}", names.join(", "))
    }

    /// The settings as TOML tables, to be read into the typed settings.
    pub(crate) fn to_table(&self) -> Table {
        let mut root = Table::new();
        for entry in &self.0 {
            match entry.key.split_once('.') {
                None => {
                    root.insert(entry.key.clone(), entry.value.clone());
                }
                Some((section, key)) => {
                    let table = root.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    if let Value::Table(table) = table {
                        table.insert(key.to_owned(), entry.value.clone());
                    }
                }
            }
        }
        root
    }
}

/// The section of `section.key`; empty for a key at the top.
pub(crate) fn section_of(key: &str) -> &str {
    key.split_once('.').map_or("", |(section, _)| section)
}

/// Reads a document into flat entries. The error of the parser is told by its message alone, since its full form
/// quotes the line, which may hold a secret.
pub(crate) fn parse(text: &str, origin: impl Fn(Option<usize>) -> Origin) -> Result<Vec<Entry>, Fault> {
    let line_at = |offset: usize| text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1;
    let fault = |error: toml::de::Error| {
        let line = error.span().map(|span| line_at(span.start));
        Fault::new("", origin(line), format!("no valid TOML: {}", error.message()))
    };
    let values: Table = toml::from_str(text).map_err(fault)?;
    let spans = DeTable::parse(text).map_err(fault)?;
    let mut entries = Vec::new();
    for (name, value) in values {
        let spanned = spans.get_ref().get(name.as_str());
        let line = spanned.map(|value| line_at(value.span().start));
        match value {
            Value::Table(section) if !section.is_empty() => {
                let spans = spanned.and_then(|value| value.get_ref().as_table());
                for (key, value) in section {
                    let span = spans.and_then(|table| table.get(key.as_str())).map(|value| value.span());
                    let line = span.map_or(line, |span| Some(line_at(span.start)));
                    entries.push(Entry { key: format!("{name}.{key}"), value, origin: origin(line) });
                }
            }
            value => entries.push(Entry { key: name, value, origin: origin(line) }),
        }
    }
    Ok(entries)
}

/// Whether a setting is a URL or a list of shards.
fn may_be_shards(key: &str) -> bool {
    key.ends_with(".database")
}

/// Reads a list of shards, written as in a settings file.
fn parse_shards(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("shards = {text}")).ok()?;
    table.remove("shards")
}

/// Reads the text of an environment variable as the type of the default; lists are comma separated.
fn parse_as(default: &Value, text: &str) -> Option<Value> {
    match default {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn is_kind_of(default: &Value, value: &Value) -> bool {
    match (default, value) {
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        _ => default.same_type(value),
    }
}

fn expected(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        Value::Float(_) => "a fraction",
        Value::Datetime(_) => "a date",
        Value::Table(_) => "a section",
    }
}
