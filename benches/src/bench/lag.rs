//! How far behind counts are: likes come in evenly while a prober likes videos of its own and looks when their counts
//! show it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    http_client::{Connection, Outgoing, fetch, get, is_success, post_form},
    load::{self, Plan},
    operations,
    process::{COUNTERS_INTERVAL_MS, Parts},
    report,
    world::World,
};

const VIDEOS: usize = 4000;
/// Between the beginnings of two probes: no multiple of the interval of the counters.
const PROBE_EVERY: Duration = Duration::from_millis(93);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// When a probe is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before the first probe.
const WARM_UP: Duration = Duration::from_secs(3);

/// Measures the lag beside `likes` likes in a second, and prints it.
pub(crate) async fn run(parts: &Parts, plan: &Plan, likes: u32) -> anyhow::Result<()> {
    parts.seed(VIDEOS, 50, 1).await?;
    let site = parts.start().await?;
    let address = site.address();
    let mut world = World::prepare(address, "lag", plan.connections + 1, VIDEOS).await?;
    let prober = world.tokens.pop().context("no prober")?;
    // The load likes one half of the videos, the prober videos of the other.
    let probed = world.videos.split_off(world.videos.len() / 2);
    let like = operations::like(world.tokens.clone(), &world.videos);
    let load = load::steady(&site, plan.connections, likes, like).await?;
    tokio::time::sleep(WARM_UP).await;

    let (end, mut ticks) = (Instant::now() + plan.time, tokio::time::interval(PROBE_EVERY));
    let (mut probes, prober): (JoinSet<anyhow::Result<Duration>>, Arc<str>) = (JoinSet::new(), prober.into());
    for video in probed {
        ticks.tick().await;
        if Instant::now() >= end {
            break;
        }
        probes.spawn(probe(address, Arc::clone(&prober), video));
    }
    let (mut lags, mut lost) = (Vec::new(), 0);
    while let Some(lag) = probes.join_next().await {
        match lag? {
            Ok(lag) => lags.push(lag),
            Err(error) => {
                eprintln!("a probe is lost: {error:#}");
                lost += 1;
            }
        }
    }
    let (rate, failed) = load.end();
    ensure!(!lags.is_empty(), "no probe has come through: the site can't serve so many --likes");
    report::columns(
        "likes/s asked for | likes/s answered | failed | counters.interval_ms | probes | lost | p50 ms | p99 ms | \
         longest ms",
    );
    let [p50, p99, longest] =
        [50, 99, 100].map(|share| load::percentile(&mut lags, share).as_secs_f64() * 1e3);
    println!(
        "| {likes} | {rate:.0} | {failed} | {COUNTERS_INTERVAL_MS} | {} | {lost} | {p50:.0} | {p99:.0} | {longest:.0} |",
        lags.len()
    );
    site.stop().await
}

/// Likes a video that nobody else likes meanwhile: how long after the answer its count shows it.
async fn probe(site: SocketAddr, token: Arc<str>, video: String) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(site).await?;
    let before = like_count(&mut connection, &video).await?;
    fetch(site, post_form("/like/action", Some(&token), format!("video_id={video}&action_type=1"))).await?;
    let liked = Instant::now();
    loop {
        if like_count(&mut connection, &video).await? > before {
            return Ok(liked.elapsed());
        }
        ensure!(liked.elapsed() < PATIENCE, "a like does not show after {PATIENCE:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn like_count(connection: &mut Connection, video: &str) -> anyhow::Result<i64> {
    let info: Outgoing = get(&format!("/video/info?video_id={video}"));
    let (head, body) = connection.send(info).await?;
    ensure!(is_success(&head, &body), "video info: {}", String::from_utf8_lossy(&body));
    let body: Value = serde_json::from_slice(&body)?;
    body.pointer("/data/like_count").and_then(Value::as_i64).context("no like_count")
}
