//! The documents as Kitex' `config-nacos` reads them: JSON with these keys; others are passed over.

use std::collections::BTreeMap;

use fanone_config::DOCUMENT_BYTES_MAX;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::limiter::QPS_MAX;

/// The longest time in a document: an hour.
const MS_MAX: u64 = 3_600_000;
/// The most methods in a document.
const METHODS_MAX: usize = 256;
/// Calls of which a breaker may want to see the outcome at most.
const SAMPLE_MAX: u32 = 1_000_000;
const RETRIES_MAX: u32 = 5;
const BACKUPS_MAX: u32 = 2;
const CONNECTIONS_MAX: u32 = 1_000_000;
/// The highest and the usual part of failed attempts from which on nothing is repeated.
const ERROR_RATE_MAX: f64 = 0.3;
const ERROR_RATE: f64 = 0.1;

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Refused {
    /// The way to the value, such as `Login.err_rate`.
    pub field: String,
    /// What it should be.
    pub problem: String,
}

impl Refused {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

type Outcome = Result<(), Refused>;

/// By method; `*` stands for those that have no entry.
pub(crate) type ByMethod<T> = BTreeMap<String, T>;

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Timeout {
    pub(crate) conn_timeout_ms: u64,
    pub(crate) rpc_timeout_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct CircuitBreak {
    pub(crate) enable: bool,
    pub(crate) err_rate: f64,
    pub(crate) min_sample: u32,
}

impl CircuitBreak {
    /// For methods that have no entry.
    pub(crate) const DEFAULT: Self = Self { enable: true, err_rate: 0.5, min_sample: 200 };
}

impl Default for CircuitBreak {
    /// What an entry leaves out; as in Go, `enable` is false then.
    fn default() -> Self {
        Self { enable: false, ..Self::DEFAULT }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Retry {
    pub(crate) enable: bool,
    /// 0: after a failure; 1: beside an attempt that takes long.
    #[serde(rename = "type")]
    pub(crate) kind: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_policy: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_policy: Option<Backup>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Failure {
    pub(crate) stop_policy: Stop,
    pub(crate) backoff_policy: Option<BackoffPolicy>,
    pub(crate) retry_same_node: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Backup {
    pub(crate) retry_delay_ms: u64,
    pub(crate) stop_policy: Stop,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Stop {
    pub(crate) max_retry_times: u32,
    pub(crate) max_duration_ms: u64,
    pub(crate) cb_policy: Stopping,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Stopping {
    pub(crate) error_rate: f64,
}

impl Stopping {
    /// As Kitex takes it: what is no rate from 0 to 0.3 is 0.1.
    pub(crate) fn rate(&self) -> f64 {
        if self.is_taken() { self.error_rate } else { ERROR_RATE }
    }

    fn is_taken(&self) -> bool {
        self.error_rate > 0.0 && self.error_rate <= ERROR_RATE_MAX
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct BackoffPolicy {
    pub(crate) backoff_type: String,
    pub(crate) cfg_items: Pauses,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Pauses {
    pub(crate) fix_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) max_ms: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Degradation {
    pub(crate) enable: bool,
    pub(crate) percentage: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Limit {
    pub(crate) connection_limit: u32,
    pub(crate) qps_limit: u32,
}

/// A document that can be checked beyond the types of its values.
pub(crate) trait Checked: DeserializeOwned {
    fn check(&self) -> Outcome;
}

/// Reads a document; none if there is no text.
pub(crate) fn read<T: Checked>(text: &str) -> Result<Option<T>, Refused> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(Refused::new("the document", format!("is longer than {DOCUMENT_BYTES_MAX} bytes")));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    if !text.trim_start().starts_with('{') {
        return Err(Refused::new("the document", "must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "the document".to_owned() } else { path };
        Refused::new(field, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| Refused::new("the document", error.to_string()))?;
    value.check()?;
    Ok(Some(value))
}

trait Entry {
    fn check(&self, field: &str) -> Outcome;
}

impl<T: Entry + DeserializeOwned> Checked for ByMethod<T> {
    fn check(&self) -> Outcome {
        if self.len() > METHODS_MAX {
            return Err(Refused::new("the document", format!("has more than {METHODS_MAX} methods")));
        }
        self.iter().try_for_each(|(method, entry)| entry.check(method))
    }
}

impl Entry for Timeout {
    fn check(&self, field: &str) -> Outcome {
        ms(&format!("{field}.conn_timeout_ms"), self.conn_timeout_ms)?;
        ms(&format!("{field}.rpc_timeout_ms"), self.rpc_timeout_ms)
    }
}

impl Entry for CircuitBreak {
    fn check(&self, field: &str) -> Outcome {
        if !(self.err_rate > 0.0 && self.err_rate <= 1.0) {
            return Err(Refused::new(format!("{field}.err_rate"), "must be above 0 and at most 1"));
        }
        between(&format!("{field}.min_sample"), self.min_sample, 1, SAMPLE_MAX)
    }
}

impl Entry for Retry {
    fn check(&self, field: &str) -> Outcome {
        match (self.kind, &self.failure_policy, &self.backup_policy) {
            (0, Some(policy), None) => policy.check(&format!("{field}.failure_policy")),
            (1, None, Some(policy)) => policy.check(&format!("{field}.backup_policy")),
            (0 | 1, None, None) if !self.enable => Ok(()),
            (0, ..) => Err(Refused::new(field, "type 0 needs a failure_policy, and nothing but it")),
            (1, ..) => Err(Refused::new(field, "type 1 needs a backup_policy, and nothing but it")),
            _ => Err(Refused::new(format!("{field}.type"), "must be 0 (failure) or 1 (backup)")),
        }
    }
}

impl Entry for Failure {
    fn check(&self, field: &str) -> Outcome {
        self.stop_policy.check(&format!("{field}.stop_policy"), RETRIES_MAX)?;
        let Some(backoff) = &self.backoff_policy else { return Ok(()) };
        let field = format!("{field}.backoff_policy");
        let Pauses { fix_ms, min_ms, max_ms } = backoff.cfg_items;
        let pause = |key: &str, value: f64| {
            let good = (0.0..=MS_MAX as f64).contains(&value);
            let problem = format!("must be between 0 and {MS_MAX}");
            if good { Ok(()) } else { Err(Refused::new(format!("{field}.cfg_items.{key}"), problem)) }
        };
        match backoff.backoff_type.as_str() {
            "" | "none" => Ok(()),
            "fixed" => pause("fix_ms", fix_ms),
            "random" => {
                pause("min_ms", min_ms)?;
                pause("max_ms", max_ms)?;
                let problem = "must not be below min_ms";
                if min_ms <= max_ms {
                    Ok(())
                } else {
                    Err(Refused::new(format!("{field}.cfg_items.max_ms"), problem))
                }
            }
            _ => Err(Refused::new(format!("{field}.backoff_type"), "must be none, fixed or random")),
        }
    }
}

impl Entry for Backup {
    fn check(&self, field: &str) -> Outcome {
        between(&format!("{field}.retry_delay_ms"), self.retry_delay_ms, 1, MS_MAX)?;
        self.stop_policy.check(&format!("{field}.stop_policy"), BACKUPS_MAX)
    }
}

impl Stop {
    fn check(&self, field: &str, most: u32) -> Outcome {
        between(&format!("{field}.max_retry_times"), self.max_retry_times, 0, most)?;
        ms(&format!("{field}.max_duration_ms"), self.max_duration_ms)
    }

    /// What Kitex would warn of.
    pub(crate) fn warning(&self) -> Option<String> {
        let given = self.cb_policy.error_rate;
        (given != 0.0 && !self.cb_policy.is_taken())
            .then(|| format!("error_rate {given} is not in (0, {ERROR_RATE_MAX}]; {ERROR_RATE} is taken"))
    }
}

impl Checked for Degradation {
    fn check(&self) -> Outcome {
        between("percentage", self.percentage, 0, 100)
    }
}

impl Checked for Limit {
    fn check(&self) -> Outcome {
        between("connection_limit", self.connection_limit, 0, CONNECTIONS_MAX)?;
        between("qps_limit", self.qps_limit, 0, QPS_MAX)
    }
}

fn ms(field: &str, value: u64) -> Outcome {
    between(field, value, 0, MS_MAX)
}

fn between<T: PartialOrd + std::fmt::Display>(field: &str, value: T, least: T, most: T) -> Outcome {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(Refused::new(field, format!("must be between {least} and {most}, not {value}")))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
