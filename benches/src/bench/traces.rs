//! What traces cost: the same operations on sites that differ in nothing but how much they trace, in turns.

use std::path::Path;

use crate::{
    load::{self, Plan},
    operations,
    process::{Parts, Process},
    report::Spread,
    world::World,
};

/// Loaded videos.
const VIDEOS: usize = 2000;
/// Each site is measured so often; the median counts.
const ROUNDS: usize = 15;
/// Two sites are the same, so that their difference is that of chance.
const VARIANTS: [(&str, Option<&str>); 4] =
    [("off", None), ("off, again", None), ("1 %", Some("10")), ("all", Some("1000"))];
const OPERATIONS: [&str; 3] = ["user info", "feed (30), uncached", "like"];

/// Measures, and prints a table. Spans go to the collector at `otlp`.
pub(crate) async fn run(program: &Path, folder: &Path, plan: &Plan, otlp: &str) -> anyhow::Result<()> {
    let mut sites = Vec::new();
    for (place, (_, rate)) in VARIANTS.into_iter().enumerate() {
        let traced = rate.map(|rate| {
            [("OTLP", otlp), ("SAMPLE_PER_MILLE", rate)]
                .map(|(key, value)| (format!("FANONE_TELEMETRY__{key}"), value.to_owned()))
        });
        let settings = traced.into_iter().flatten().collect();
        let parts = Parts::embedded(program, &folder.join(place.to_string())).with(settings, Vec::new());
        parts.seed(VIDEOS, 1, 1).await?;
        let process = parts.start().await?;
        let world = World::prepare(process.address(), "traces", plan.connections, VIDEOS).await?;
        sites.push((process, world));
    }
    println!("CPU of a request in µs, the median of {ROUNDS} turns (least to most), and beside \"off\"\n");
    println!("| operation | {} |", VARIANTS.map(|(name, _)| name).join(" | "));
    println!("|{}", " --- |".repeat(VARIANTS.len() + 1));
    for name in OPERATIONS {
        let mut costs = vec![Vec::new(); VARIANTS.len()];
        for _ in 0..ROUNDS {
            for ((process, world), costs) in sites.iter().zip(&mut costs) {
                costs.extend(cost(process, world, name, plan).await?);
            }
        }
        println!("| {name} | {} |", cells(costs).join(" | "));
    }
    for (process, _) in sites {
        process.stop().await?;
    }
    Ok(())
}

async fn cost(process: &Process, world: &World, name: &str, plan: &Plan) -> anyhow::Result<Option<f64>> {
    let Some(operation) = operations::all(world).into_iter().find(|operation| operation.name == name) else {
        return Ok(None);
    };
    let measured = load::run(process, plan, &operation).await?;
    Ok(measured.spent.cpu_us.first().copied())
}

fn cells(costs: Vec<Vec<f64>>) -> Vec<String> {
    let mut off = None;
    let cell = |costs: Vec<f64>| {
        let costs = Spread::of(costs.into_iter());
        let beside = (costs.median / *off.get_or_insert(costs.median) - 1.0) * 100.0;
        format!("{} {beside:+.1} %", costs.text(1))
    };
    costs.into_iter().map(cell).collect()
}
