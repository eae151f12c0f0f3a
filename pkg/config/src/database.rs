//! Where a service keeps its rows: one database, or several that share the buckets.

use std::fmt;
use std::ops::RangeInclusive;

use fanone_base::Bucket;
use serde::Deserialize;
use toml::{Table, Value};

use crate::mask;
use crate::url::DatabaseUrl;

/// Shards of one service at most.
const SHARDS_MAX: usize = 128;
/// Nodes of one shard at most.
const NODES_MAX: usize = 16;
const LAST_BUCKET: u16 = Bucket::COUNT - 1;

/// The databases of one service. Every bucket is held by exactly one of the shards.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Database {
    /// At least one.
    pub shards: Vec<ShardPlace>,
}

/// One shard: which buckets it holds, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPlace {
    /// In order and apart; empty for a shard that only sends the events it still has.
    pub buckets: Buckets,
    /// The nodes of one cluster, tried in this order; at least one.
    pub urls: Vec<DatabaseUrl>,
}

/// Ranges of buckets, written as in `0-255,512-767`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Buckets(pub Vec<RangeInclusive<u16>>);

impl Buckets {
    /// All there are.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![0..=LAST_BUCKET])
    }

    /// Reads ranges; an empty text is no bucket at all.
    ///
    /// # Errors
    ///
    /// The part that is no range of buckets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut ranges = parts.map(range).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable_by_key(|range| *range.start());
        Ok(Self(ranges))
    }

    /// Whether this bucket is one of them.
    #[must_use]
    pub fn holds(&self, bucket: u16) -> bool {
        self.0.iter().any(|range| range.contains(&bucket))
    }

    /// The buckets for which `keep` is true, in as few ranges as possible.
    #[must_use]
    pub fn of(keep: impl Fn(u16) -> bool) -> Self {
        let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
        for bucket in (0..=LAST_BUCKET).filter(|bucket| keep(*bucket)) {
            match ranges.last_mut() {
                Some(last) if *last.end() + 1 == bucket => *last = *last.start()..=bucket,
                _ => ranges.push(bucket..=bucket),
            }
        }
        Self(ranges)
    }
}

impl fmt::Display for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.0.iter().map(|range| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        });
        f.write_str(&ranges.collect::<Vec<_>>().join(","))
    }
}

fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first <= last && last <= LAST_BUCKET => Ok(first..=last),
        _ => {
            Err(format!("\"{text}\" is no range of buckets; expected for example 0-511, up to {LAST_BUCKET}"))
        }
    }
}

impl Database {
    /// One database for all buckets.
    #[must_use]
    pub fn single(url: DatabaseUrl) -> Self {
        Self { shards: vec![ShardPlace { buckets: Buckets::all(), urls: vec![url] }] }
    }

    /// Shards with equal parts of the buckets, each with these nodes.
    #[must_use]
    pub fn even(shards: impl IntoIterator<Item = Vec<DatabaseUrl>>) -> Self {
        let shards: Vec<_> = shards.into_iter().collect();
        let count = shards.len();
        let shards = shards.into_iter().enumerate();
        Self {
            shards: shards.map(|(place, urls)| ShardPlace { buckets: even(place, count), urls }).collect(),
        }
    }

    /// Reads a URL or a list of shards.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, Vec<String>> {
        match value {
            Value::String(text) => match database_url(text) {
                Ok(url) => Ok(Self::single(url)),
                Err(problem) => Err(vec![problem]),
            },
            Value::Array(items) => Self::parse_shards(items),
            _ => Err(vec![EXPECTED.to_owned()]),
        }
    }

    fn parse_shards(items: &[Value]) -> Result<Self, Vec<String>> {
        if items.is_empty() || items.len() > SHARDS_MAX {
            return Err(vec![format!("expected 1 to {SHARDS_MAX} shards, found {}", items.len())]);
        }
        let mut problems = Vec::new();
        let mut shards = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match shard(item) {
                Ok(shard) => shards.push(shard),
                Err(found) => {
                    problems.extend(found.into_iter().map(|it| format!("shard {}: {it}", place + 1)))
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        share_out(shards)
    }
}

pub(crate) const EXPECTED: &str =
    "expected a URL, or a list of shards such as [{ buckets = \"0-511\", urls = [\"mysql://…\"] }, …]";

impl TryFrom<Value> for Database {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Self::parse(&value).map_err(|problems| problems.join("; "))
    }
}

impl fmt::Display for ShardPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.urls.iter().map(ToString::to_string).collect();
        f.write_str(&urls.join(", "))
    }
}

fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    text.parse::<DatabaseUrl>().map_err(|error| format!("\"{}\" is wrong; {error}", mask::url(text)))
}

type Written = (Option<Buckets>, Vec<DatabaseUrl>);

fn shard(item: &Value) -> Result<Written, Vec<String>> {
    let Some(table) = item.as_table() else { return Err(vec![EXPECTED.to_owned()]) };
    let mut problems: Vec<String> =
        unknown_keys(table).map(|key| format!("unknown key {key}; there are buckets, urls")).collect();
    let buckets = match table.get("buckets") {
        None => None,
        Some(Value::String(text)) => Buckets::parse(text).map_err(|problem| problems.push(problem)).ok(),
        Some(_) => {
            problems.push("buckets: expected a text such as \"0-511\"".to_owned());
            None
        }
    };
    let urls = table.get("urls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if urls.is_empty() || urls.len() > NODES_MAX {
        problems.push(format!("urls: expected 1 to {NODES_MAX} URLs, the nodes of one cluster"));
    }
    let mut parsed = Vec::new();
    for url in urls {
        match url.as_str().map_or_else(|| Err("urls: expected texts".to_owned()), database_url) {
            Ok(url) => parsed.push(url),
            Err(problem) => problems.push(problem),
        }
    }
    if parsed.len() > 1 && parsed.iter().any(DatabaseUrl::is_embedded) {
        problems.push("urls: an SQLite file is one node".to_owned());
    }
    if problems.is_empty() { Ok((buckets, parsed)) } else { Err(problems) }
}

fn unknown_keys(table: &Table) -> impl Iterator<Item = &String> {
    table.keys().filter(|key| !matches!(key.as_str(), "buckets" | "urls"))
}

/// Gives shards without ranges equal parts, and checks that each bucket is held once.
fn share_out(written: Vec<Written>) -> Result<Database, Vec<String>> {
    let named = written.iter().filter(|(buckets, _)| buckets.is_some()).count();
    if named != 0 && named != written.len() {
        return Err(vec!["either every shard names its buckets, or none does".to_owned()]);
    }
    let count = written.len();
    let shards = written.into_iter().enumerate();
    let shards: Vec<ShardPlace> = shards
        .map(|(place, (buckets, urls))| ShardPlace {
            buckets: buckets.unwrap_or_else(|| even(place, count)),
            urls,
        })
        .collect();
    let holders = |bucket: u16| shards.iter().map(|shard| holdings(shard, bucket)).sum::<usize>();
    let (missing, twice) =
        (Buckets::of(|bucket| holders(bucket) == 0), Buckets::of(|bucket| holders(bucket) > 1));
    let mut problems = Vec::new();
    if missing != Buckets::default() {
        problems.push(format!("no shard has the buckets {missing}; all of 0-{LAST_BUCKET} must be held"));
    }
    if twice != Buckets::default() {
        problems.push(format!("more than one shard has the buckets {twice}"));
    }
    if problems.is_empty() { Ok(Database { shards }) } else { Err(problems) }
}

/// The part of the shard at `place` of `count`.
fn even(place: usize, count: usize) -> Buckets {
    Buckets::of(|bucket| usize::from(bucket) * count / usize::from(Bucket::COUNT) == place)
}

fn holdings(shard: &ShardPlace, bucket: u16) -> usize {
    shard.buckets.0.iter().filter(|range| range.contains(&bucket)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Database, Vec<String>> {
        let table: Table = toml::from_str(&format!("it = {text}")).unwrap();
        Database::parse(&table["it"])
    }

    fn buckets(text: &str) -> Vec<String> {
        parse(text).unwrap().shards.iter().map(|shard| shard.buckets.to_string()).collect()
    }

    #[test]
    fn shards_without_ranges_share_the_buckets_evenly() {
        assert_eq!(buckets("'sqlite:a'"), ["0-1023"]);
        let three = "[{ urls = ['sqlite:a'] }, { urls = ['sqlite:b'] }, { urls = ['sqlite:c'] }]";
        assert_eq!(buckets(three), ["0-341", "342-682", "683-1023"]);
    }

    #[test]
    fn a_shard_may_have_several_ranges_or_none() {
        let text = "[{ buckets = '700-1023, 0-99', urls = ['sqlite:a'] }, { buckets = '100-699', urls = ['sqlite:b'] }, \
            { buckets = '', urls = ['sqlite:c'] }]";
        assert_eq!(buckets(text), ["0-99,700-1023", "100-699", ""]);
    }

    #[test]
    fn nodes_of_a_cluster_keep_their_order() {
        let one = parse("[{ urls = ['mysql://u:p@a/d', 'mysql://u:p@b:3307/d'] }]").unwrap();
        assert_eq!(one.shards[0].to_string(), "mysql://u:***@a/d, mysql://u:***@b:3307/d");
    }

    #[test]
    fn every_fault_of_a_list_is_told_and_no_password() {
        let text = "[{ buckets = '0-2000', urls = ['oracle://u:hunter2@h/d'] }, { url = 'x' }]";
        let problems = parse(text).unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].starts_with("shard 1: \"0-2000\" is no range of buckets"), "{problems:?}");
        assert!(
            problems[1].contains("\"oracle://u:***@h/d\" is wrong; accepted: sqlite:PATH, mysql://"),
            "{problems:?}"
        );
        assert!(problems[2].starts_with("shard 2: unknown key url"), "{problems:?}");
    }

    #[test]
    fn missing_and_overlapping_buckets_are_refused() {
        let text =
            "[{ buckets = '0-511', urls = ['sqlite:a'] }, { buckets = '500-1000', urls = ['sqlite:b'] }]";
        assert_eq!(
            parse(text).unwrap_err(),
            [
                "no shard has the buckets 1001-1023; all of 0-1023 must be held",
                "more than one shard has the buckets 500-511"
            ]
        );
        let mixed = "[{ buckets = '0-1023', urls = ['sqlite:a'] }, { urls = ['sqlite:b'] }]";
        assert_eq!(parse(mixed).unwrap_err(), ["either every shard names its buckets, or none does"]);
    }
}
