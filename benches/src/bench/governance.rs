//! What the rules of calls cost: a trivial call by all of them and by none, in turns, on both sides.

use std::{net::SocketAddr, path::Path, process::Stdio};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    load::Plan,
    meter::Meter,
    process::{Process, free_address},
    report::Spread,
};

/// Turns of each; the middle one counts.
const ROUNDS: usize = 5;
/// What the rules may cost on each side.
const ALLOWED_US: f64 = 5.0;

/// Two instances in one process.
struct Served {
    process: Process,
    instances: [SocketAddr; 2],
}

/// CPU time of one call, in microseconds.
#[derive(Clone, Copy)]
struct Cost {
    client: f64,
    server: f64,
}

/// Measures and prints.
pub(crate) async fn run(program: &Path, folder: &Path, plan: &Plan) -> anyhow::Result<()> {
    let keys = folder.join("keys");
    let (with, without) = (serve(program, &keys, true).await?, serve(program, &keys, false).await?);
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        on.push(measure(program, &keys, &with, true, plan).await?);
        off.push(measure(program, &keys, &without, false, plan).await?);
        let last = |costs: &[Cost]| costs.last().map_or(0.0, |cost| cost.client + cost.server);
        eprintln!("round {round}: both sides {:.1} µs with the rules, {:.1} without", last(&on), last(&off));
    }
    println!("CPU of one call at {} connections, middle of {ROUNDS} rounds, µs\n", plan.connections);
    println!("| side | without | with | more |\n| --- | ---: | ---: | ---: |");
    let mut is_too_much = false;
    for (side, of) in [("client", (|cost| cost.client) as fn(&Cost) -> f64), ("server", |cost| cost.server)] {
        let middle = |costs: &[Cost]| Spread::of(costs.iter().map(of)).median;
        let (off, on) = (middle(&off), middle(&on));
        println!("| {side} | {off:.1} | {on:.1} | {:.1} |", on - off);
        is_too_much |= on - off > ALLOWED_US;
    }
    for served in [with, without] {
        served.process.stop().await?;
    }
    ensure!(!is_too_much, "the rules cost more than {ALLOWED_US} µs on one side");
    Ok(())
}

async fn serve(program: &Path, keys: &Path, governed: bool) -> anyhow::Result<Served> {
    let (first, last) = (free_address()?, free_address()?);
    let instances = [first, last];
    let mut command = command(program, keys, &instances, governed);
    command.arg("serve");
    // It binds this one last.
    Ok(Served { process: Process::start(command, last, None, &[]).await?, instances })
}

async fn measure(
    program: &Path,
    keys: &Path,
    served: &Served,
    governed: bool,
    plan: &Plan,
) -> anyhow::Result<Cost> {
    let mut client = command(program, keys, &served.instances, governed)
        .args(["call", "--connections", &plan.connections.to_string()])
        .args(["--seconds", &plan.time.as_secs_f64().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let meter = Meter::new(vec![client.id().context("the client has ended")?, served.process.pid()], None);
    let mut lines = BufReader::new(client.stdout.take().context("no output")?).lines();
    ensure!(lines.next_line().await?.as_deref() == Some("begin"), "the client failed: see above");
    let begun = meter.begin().await?;
    let end = lines.next_line().await?.context("the client failed: see above")?;
    let spent = meter.end(&begun).await?;
    let calls: usize = end.strip_prefix("end ").context("no number of calls")?.parse()?;
    drop(client.stdin.take());
    client.wait().await?;
    match spent.for_each(calls).cpu_us.as_slice() {
        [client, server] => Ok(Cost { client: *client, server: *server }),
        _ => anyhow::bail!("two processes were measured"),
    }
}

fn command(program: &Path, keys: &Path, instances: &[SocketAddr; 2], governed: bool) -> Command {
    let mut command = Command::new(program);
    command.arg("--keys").arg(keys).arg("--instances").args(instances.map(|address| address.to_string()));
    if governed {
        command.arg("--governed");
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
