//! The effective settings as TOML, each value with its origin.

use std::fmt::Write as _;

use toml::Value;

use crate::document::section_of;
use crate::mask;
use crate::settings::Settings;

/// Column at which the origins begin, so that they can be read down the page.
const ORIGIN_COLUMN: usize = 44;

impl Settings {
    /// The settings in force as TOML, with a comment after each value that tells where it was set. Secrets are masked.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for entry in self.document.iter().flat_map(|document| document.entries()) {
            if section_of(&entry.key) != section {
                section = section_of(&entry.key);
                // Writing to a String can't fail.
                let _ = writeln!(text, "\n[{section}]");
            }
            let name = entry.key.rsplit('.').next().unwrap_or_default();
            let line = format!("{name} = {}", masked(&entry.key, &entry.value));
            let _ = writeln!(text, "{line:<ORIGIN_COLUMN$}  # {}", entry.origin);
        }
        text
    }
}

pub(crate) fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask::setting(key, text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked(key, item)).collect()),
        Value::Table(table) => {
            let items = table.iter().map(|(name, item)| (name.clone(), masked(key, item)));
            Value::Table(items.collect())
        }
        other => other.clone(),
    }
}
