//! Measures the site: `scripts/bench` runs it.

mod frameworks;
mod governance;
mod grow;
mod http_client;
mod lag;
mod load;
mod meter;
mod operations;
mod process;
mod report;
mod servers;
mod table;
mod traces;
mod world;

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::{load::Plan, process::Parts, report::Heading, servers::Servers, table::Table};

/// Measures the site.
///
/// Without --lag, --governance, --grow, --traces or --frameworks: a table of operations on embedded parts, beside a bare front
/// that fetches the same bytes from a bare service.
#[derive(Parser)]
struct Options {
    /// Folder of the release binaries
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// On MariaDB and Redis, which `scripts/servers` has started; the table has the embedded parts as well
    #[arg(long)]
    real: bool,
    /// How far counts are behind while likes come in evenly
    #[arg(long, conflicts_with = "grow")]
    lag: bool,
    /// What the rules of calls cost on both sides of a trivial call
    #[arg(long, conflicts_with_all = ["real", "lag", "grow"])]
    governance: bool,
    /// How costs grow: the numbers of videos at which to measure, rising, for example 1000,100000
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    grow: Vec<usize>,
    /// What traces cost; their spans go to the collector at this URL
    #[arg(long, value_name = "URL", conflicts_with_all = ["lag", "grow", "real"])]
    traces: Option<String>,
    /// Other programs instead of the site: the same hop in several frameworks, which `hop-…` among the binaries are
    #[arg(long, conflicts_with_all = ["lag", "grow", "real", "traces"])]
    frameworks: bool,
    /// Only whether all frameworks answer the same bytes
    #[arg(long, requires = "frameworks")]
    check: bool,
    /// Connections that ask side by side
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds that each operation is measured, after a warm-up of a fifth of it [default: 5; with --lag 20]
    #[arg(long)]
    seconds: Option<f64>,
    /// Likes in a second beside the reads [default: 500; with --lag 2000]
    #[arg(long)]
    likes: Option<u32>,
    /// Only operations whose name contains this; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

impl Options {
    fn plan(&self) -> Plan {
        let seconds = self.seconds.unwrap_or(if self.lag { 20.0 } else { 5.0 });
        Plan { connections: self.connections.max(1), time: Duration::from_secs_f64(seconds) }
    }

    fn wants(&self, operation: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| operation.contains(part))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.frameworks {
        let time = (!options.check).then_some(options.plan().time);
        return frameworks::run(&options.binaries, time).await;
    }
    let folder = tempfile::tempdir()?;
    let (program, plan) = (options.binaries.join("fanone"), options.plan());
    if options.governance {
        return governance::run(&options.binaries.join("hop"), folder.path(), &plan).await;
    }
    let servers = if options.real { Some(Servers::find()?) } else { None };
    let real = match &servers {
        Some(servers) => Some(servers.prepare(&program, &folder.path().join("real")).await?),
        None => None,
    };
    let embedded = Parts::embedded(&program, &folder.path().join("embedded"));
    let wanted = |name: &str| options.wants(name);
    if let Some(otlp) = &options.traces {
        return traces::run(&program, folder.path(), &plan, otlp).await;
    }
    if options.lag {
        return lag::run(&real.unwrap_or(embedded), &plan, options.likes.unwrap_or(2000)).await;
    }
    if !options.grow.is_empty() {
        let parts = real.unwrap_or(embedded);
        return grow::run(&parts, servers.as_ref(), &plan, &options.grow, wanted).await;
    }
    let heading = Heading { connections: plan.connections, likes: options.likes.unwrap_or(500) };
    let floor = options.binaries.join("floor");
    Table { floor: &floor, folder: folder.path(), plan: &plan, heading, embedded, real }.run(wanted).await
}
