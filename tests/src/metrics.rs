//! The text of `/metrics`, read back.

use std::collections::{BTreeMap, BTreeSet};

/// One line: a name, its labels, a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name with its ending, for example `…_count`.
    pub name: String,
    /// The labels by name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty if there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// All lines of one or more `/metrics` pages.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// In the order of the text.
    pub samples: Vec<Sample>,
    /// The names of the `# TYPE` lines.
    pub families: BTreeSet<String>,
}

/// Who called whom how often: (caller, callee) to a number of calls.
pub type Calls = BTreeMap<(String, String), i64>;

impl Metrics {
    /// Reads the Prometheus text format.
    pub fn parse(text: &str) -> Self {
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let families = families.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
        Self {
            families: families.collect(),
            samples: text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect(),
        }
    }

    /// The sum of all samples of `name`.
    pub fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// The calls between services so far, as their callers counted them.
    pub fn calls(&self) -> Calls {
        let mut calls = Calls::new();
        for sample in self.samples.iter().filter(|one| one.name == "rpc_client_call_duration_seconds_count") {
            let callee = sample.label("rpc_method").split('/').next().unwrap_or_default();
            let pair = (sample.label("caller").to_owned(), callee.to_owned());
            *calls.entry(pair).or_default() += sample.value as i64;
        }
        calls
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.trim().rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: BTreeMap::new(), value });
    };
    Some(Sample { name: name.to_owned(), labels: labels(rest.strip_suffix('}')?), value })
}

/// `a="b",c="d"`. A value may hold commas and escaped quotes.
fn labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = after.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => value.extend(characters.next()),
                other => value.push(other),
            }
        }
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = characters.as_str();
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_caller_and_callee() {
        let text = r#"
# TYPE rpc_client_call_duration_seconds histogram
rpc_client_call_duration_seconds_bucket{rpc_method="fanone.user/GetUsers",caller="fanone.http",outcome="10000",le="0.1"} 2
rpc_client_call_duration_seconds_count{rpc_method="fanone.user/GetUsers",caller="fanone.http",outcome="10000"} 2
rpc_client_call_duration_seconds_count{rpc_method="fanone.user/Login",caller="fanone.http",outcome="a,\"b"} 1
"#;
        let metrics = Metrics::parse(text);
        assert!(metrics.families.contains("rpc_client_call_duration_seconds"));
        let pair = ("fanone.http".to_owned(), "fanone.user".to_owned());
        assert_eq!(metrics.calls(), Calls::from([(pair, 3)]));
        assert_eq!(metrics.samples[2].label("outcome"), "a,\"b");
    }
}
