//! What a run costs: CPU time of processes, as /proc tells it, and statements, as the site's own metrics count them.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::Context;

use crate::http_client::{fetch, get};

/// Clock ticks in a second, as /proc counts CPU time on Linux.
const TICKS: u64 = 100;

/// Watches some processes, and the statements of the first.
pub(crate) struct Meter {
    processes: Vec<u32>,
    /// Where the first one's metrics are.
    metrics: Option<SocketAddr>,
}

/// By database.
type Statements = BTreeMap<String, u64>;

/// The state at one time, or what was spent between two.
pub(crate) struct Reading {
    cpu: Vec<Duration>,
    statements: Statements,
}

/// What one request cost.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// Microseconds of each process.
    pub(crate) cpu_us: Vec<f64>,
    pub(crate) statements: BTreeMap<String, f64>,
}

impl Meter {
    pub(crate) fn new(processes: Vec<u32>, metrics: Option<SocketAddr>) -> Self {
        Self { processes, metrics }
    }

    /// To be called when the requests begin. Asking for the metrics is not a part of what is measured.
    pub(crate) async fn begin(&self) -> anyhow::Result<Reading> {
        let statements = self.statements().await?;
        Ok(Reading { cpu: self.cpu()?, statements })
    }

    /// What was spent since. To be called when they have ended.
    pub(crate) async fn end(&self, begun: &Reading) -> anyhow::Result<Reading> {
        let cpu = self.cpu()?.iter().zip(&begun.cpu).map(|(now, then)| now.saturating_sub(*then)).collect();
        let mut statements = self.statements().await?;
        for (name, then) in &begun.statements {
            statements.entry(name.clone()).and_modify(|now| *now = now.saturating_sub(*then));
        }
        Ok(Reading { cpu, statements })
    }

    fn cpu(&self) -> anyhow::Result<Vec<Duration>> {
        self.processes.iter().map(|pid| cpu_time(*pid)).collect()
    }

    async fn statements(&self) -> anyhow::Result<Statements> {
        let Some(admin) = self.metrics else { return Ok(Statements::new()) };
        let text = fetch(admin, get("/metrics")).await?;
        Ok(count_statements(&String::from_utf8_lossy(&text)))
    }
}

impl Reading {
    /// Its share of one of so many requests.
    pub(crate) fn for_each(&self, requests: usize) -> Spent {
        let share = |all: f64| all / requests.max(1) as f64;
        Spent {
            cpu_us: self.cpu.iter().map(|cpu| share(cpu.as_secs_f64() * 1e6)).collect(),
            statements: self.statements.iter().map(|(name, n)| (name.clone(), share(*n as f64))).collect(),
        }
    }
}

/// The statements of each database out of a page of metrics.
fn count_statements(page: &str) -> Statements {
    const SERIES: &str = "db_client_operation_duration_seconds_count{";
    let mut statements = Statements::new();
    for line in page.lines().filter_map(|line| line.strip_prefix(SERIES)) {
        let Some((labels, value)) = line.rsplit_once(' ') else { continue };
        let namespace = labels.split_once("db_namespace=\"").and_then(|(_, rest)| rest.split_once('"'));
        if let (Some((namespace, _)), Ok(value)) = (namespace, value.parse::<f64>()) {
            *statements.entry(namespace.to_owned()).or_default() += value as u64;
        }
    }
    statements
}

/// CPU time that a process has spent so far, user and system.
fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("{path}: has the process ended?"))?;
    parse_cpu_time(&stat).with_context(|| format!("{path} is not as expected"))
}

/// The fields after the program's name in brackets; utime and stime are the 14th and 15th of all.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Memory that a process uses now.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_summed_up_by_database() {
        let page = "# HELP db_client_operation_duration_seconds x\n\
            db_client_operation_duration_seconds_bucket{db_namespace=\"user\",db_operation_name=\"SELECT\",le=\"1\"} 9\n\
            db_client_operation_duration_seconds_count{db_namespace=\"user\",db_operation_name=\"SELECT\"} 7\n\
            db_client_operation_duration_seconds_count{db_operation_name=\"INSERT\",db_namespace=\"user\"} 5\n\
            db_client_operation_duration_seconds_count{db_namespace=\"video\",db_operation_name=\"SELECT\"} 1\n";
        let counted = count_statements(page);
        assert_eq!(counted, [("user".to_owned(), 12), ("video".to_owned(), 1)].into());
    }

    #[test]
    fn cpu_time_is_read_behind_any_name_of_a_program() {
        let stat = "12 (a) b (c) S 1 1 1 0 -1 0 1 2 3 4 150 50 0 0 20 0 9";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_cpu_time("12 (a) S"), None);
    }

    #[test]
    fn this_process_has_spent_time_and_memory() {
        assert!(cpu_time(std::process::id()).is_ok());
        assert!(resident_bytes(std::process::id()).is_ok_and(|bytes| bytes > 100_000));
    }
}
