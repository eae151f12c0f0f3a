//! Measures the site beside its floor: `scripts/bench` runs it.
//!
//! For each operation the same number of connections asks the site, then the floor, which serves
//! the very same bytes; each figure comes with the CPU time that the measured process spent on it.

mod http_client;
mod load;
mod operations;
mod process;
mod report;
mod world;

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use crate::{load::Plan, process::Process, report::Row, world::World};

#[derive(Parser)]
struct Options {
    /// Folder of the release binaries `fanone` and `floor`.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// Connections that ask side by side.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds that each operation is measured, after a warm-up of a fifth of it.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Likes in a second beside which each read is measured once more.
    #[arg(long, default_value_t = 500)]
    likes: u32,
    /// Only operations whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let site = Process::start_site(&options.binaries.join("fanone"), folder.path()).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = site.resident_bytes()?;
    let world = World::prepare(site.address(), options.connections).await?;
    let plan = Plan { connections: options.connections, time: Duration::from_secs_f64(options.seconds) };

    let mut rows = Vec::new();
    for operation in operations::all(&world).into_iter().filter(|o| o.name.contains(&options.only)) {
        let body = http_client::fetch(site.address(), operation.request(0, 0)).await?;
        let (name, reads) = (operation.name, operation.reads);
        let request = move |connection, turn| operation.request(connection, turn);
        let measured = load::run(&site, &plan, request.clone()).await?;
        let (mut floor, mut busy) = (None, None);
        if reads {
            let likes = load::steady(&site, options.likes, operations::like(&world)).await?;
            busy = Some(load::run(&site, &plan, request).await?);
            likes.abort();
            let process = Process::start_floor(&options.binaries.join("floor"), folder.path(), &body).await?;
            floor = Some(load::run(&process, &plan, |_, _| http_client::get("/")).await?);
        }
        let row = Row { name, bytes: body.len(), site: measured, floor, busy };
        eprintln!("{}", row.line());
        rows.push(row);
    }
    report::print(&rows, idle, options.connections, options.likes);
    site.stop().await
}
