//! The same hop, an HTTP front that asks a Thrift service, in several frameworks, in turns.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde_json::Value;
use tokio::process::Command;

use crate::{
    http_client::{Outgoing, fetch, get},
    load::{self, Measured, Plan},
    operations::Operation,
    process::{Process, free_address},
    report::{self, Spread},
};

/// A name for the table, and the program.
const FRAMEWORKS: [(&str, &str); 2] = [("volo-http, volo-thrift", "hop-volo"), ("Hertz, Kitex", "hop-kitex")];
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
/// Each is measured so often at each number of connections; the median counts.
const ROUNDS: usize = 5;
/// Ids that are asked for; all have as many digits.
const FIRST_ID: usize = 7_212_345_678_901_230_000;
const IDS: usize = 1000;

/// A front and a service that run.
struct Hop {
    name: &'static str,
    front: Process,
    service: Process,
}

/// What one framework showed at one number of connections, round by round.
#[derive(Default)]
struct Row {
    measured: Vec<Measured>,
    /// Of the front, then of the service.
    memory: [Vec<f64>; 2],
}

/// Checks that all answer the same bytes; then, with a time, measures them and prints a table.
pub(crate) async fn run(binaries: &Path, time: Option<Duration>) -> anyhow::Result<()> {
    let workers = std::thread::available_parallelism()?.to_string();
    let mut hops = Vec::new();
    for (name, program) in FRAMEWORKS {
        hops.push(Hop::start(name, &binaries.join(program), &workers).await?);
    }
    let bytes = same_bytes(&hops).await?;
    println!("All answer the same {bytes} bytes.");
    let Some(time) = time else { return Ok(()) };
    let seconds = time.as_secs_f64();
    println!(
        "{workers} threads for each process; {ROUNDS} rounds of {seconds} s, in turns: median (least–most)\n"
    );
    report::columns(
        "connections | framework | requests/s | p50 µs | p99 µs | front CPU µs | service CPU µs | load CPU µs | \
         front MiB | service MiB | failed",
    );
    for connections in CONNECTIONS {
        let plan = Plan { connections, time };
        let mut rows: Vec<Row> = hops.iter().map(|_| Row::default()).collect();
        for _ in 0..ROUNDS {
            for (hop, row) in hops.iter().zip(&mut rows) {
                row.add(hop, &plan).await?;
            }
        }
        for (hop, row) in hops.iter().zip(&rows) {
            println!("| {connections} | {} | {} |", hop.name, row.cells().join(" | "));
        }
    }
    Ok(())
}

impl Hop {
    async fn start(name: &'static str, program: &Path, workers: &str) -> anyhow::Result<Self> {
        let command = |role: &str, addresses: &[SocketAddr]| {
            let mut command = Command::new(program);
            command.arg(role).args(addresses.iter().map(SocketAddr::to_string));
            command.envs(["TOKIO_WORKER_THREADS", "GOMAXPROCS"].map(|name| (name, workers)));
            command
        };
        let (address, service) = (free_address()?, free_address()?);
        let service = Process::start(command("service", &[service]), service, None, &[]).await?;
        let front = command("front", &[address, service.address()]);
        let front = Process::start(front, address, None, &[service.pid(), std::process::id()]).await?;
        Ok(Self { name, front, service })
    }
}

/// How many they are.
async fn same_bytes(hops: &[Hop]) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for turn in [0, 1, IDS - 1] {
        let mut first: Option<(&str, Bytes)> = None;
        for hop in hops {
            let body = fetch(hop.front.address(), video_info(0, turn)).await.context(hop.name)?;
            let value: Value = serde_json::from_slice(&body).context(hop.name)?;
            let id = value.pointer("/data/id").and_then(Value::as_u64);
            ensure!(id == Some((FIRST_ID + turn) as u64), "{} answers the id {id:?}", hop.name);
            let (name, other) = first.get_or_insert_with(|| (hop.name, body.clone()));
            ensure!(*other == body, "{name} and {} differ:\n{other:?}\n{body:?}", hop.name);
            bytes = body.len();
        }
    }
    Ok(bytes)
}

fn video_info(connection: usize, turn: usize) -> Outgoing {
    get(&format!("/video/info?video_id={}", FIRST_ID + (connection + turn) % IDS))
}

impl Row {
    async fn add(&mut self, hop: &Hop, plan: &Plan) -> anyhow::Result<()> {
        let operation = Operation::new("video info", true, video_info);
        self.measured.push(load::run(&hop.front, plan, &operation).await?);
        for (memory, process) in self.memory.iter_mut().zip([&hop.front, &hop.service]) {
            memory.push(process.resident_bytes()? as f64 / f64::from(1 << 20));
        }
        Ok(())
    }

    fn cells(&self) -> Vec<String> {
        let spread = |figure: &dyn Fn(&Measured) -> f64| Spread::of(self.measured.iter().map(figure));
        let cpu = |process: usize| {
            spread(&|one| one.spent.cpu_us.get(process).copied().unwrap_or_default()).text(1)
        };
        let [front, service] = [0, 1].map(cpu);
        let load = cpu(2);
        let memory = self.memory.iter().map(|memory| Spread::of(memory.iter().copied()).text(0));
        let mut cells = vec![
            spread(&|one| one.rate).text(0),
            spread(&|one| one.p50.as_secs_f64() * 1e6).text(0),
            spread(&|one| one.p99.as_secs_f64() * 1e6).text(0),
            front,
            service,
            load,
        ];
        cells.extend(memory);
        cells.push(self.measured.iter().map(|one| one.failed).sum::<usize>().to_string());
        cells
    }
}
