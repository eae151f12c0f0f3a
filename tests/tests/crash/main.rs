//! A storm of changes, a kill in the middle of it, a new start: every count equals its rows, and no acknowledged change
//! is lost. Many times.
//!
//! Where every role has two processes, the storm goes on while any one of them is killed and comes back.
//!
//! The seed of each run is printed; `FANONE_TEST_SEED` repeats its choices (not its timing).

#[cfg(test)]
mod audit;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod storm;

use std::time::{Duration, Instant};

use fanone_tests::{Site, eventually_within, world::Form};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use storm::{Crowd, Weather};

/// Times that the whole site is killed.
const ROUNDS: u32 = 20;
/// Storms in which single processes are killed, and how many in each.
const STORMS: u32 = 5;
const KILLS_EACH: u32 = 10;
const COUNTER_INTERVAL: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_every_kill_every_count_equals_its_rows() {
    let seed = std::env::var("FANONE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("FANONE_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    // The storm outlives an access token; covers by ffmpeg would only slow it down.
    let interval_ms = COUNTER_INTERVAL.as_millis().to_string();
    let settings = [
        ("counters.interval_ms", interval_ms.as_str()),
        ("identity.access_ttl_s", "86400"),
        ("media.ffmpeg", "no-ffmpeg-in-this-test"),
    ];
    let mut site = Site::with(&settings).await;
    let mut crowd = Crowd::gather(&site).await;
    if Form::of_run() == Form::Ten {
        kill_replicas(&mut site, &mut crowd, &mut rng).await;
    } else {
        kill_everything(&mut site, &mut crowd, &mut rng).await;
    }
}

async fn kill_everything(site: &mut Site, crowd: &mut Crowd, rng: &mut StdRng) {
    for round in 0..ROUNDS {
        let calm = Duration::from_millis(rng.random_range(300..1500));
        let storm = crowd.rage(rng.random(), Weather::AllGoes);
        tokio::time::sleep(calm).await;
        site.kill().await;
        let changes = storm.subside(crowd).await;
        site.launch().await;
        crowd.repeat_what_was_not_answered().await;
        let seen = settled(crowd).await;
        println!("round {round}: killed after {calm:?} and {changes} changes; {}", seen.summary());
        crowd.look_around(seen);
    }
}

async fn kill_replicas(site: &mut Site, crowd: &mut Crowd, rng: &mut StdRng) {
    for _ in 0..STORMS {
        let begun = Instant::now();
        let storm = crowd.rage(rng.random(), Weather::OneGoes);
        let mut killed = Vec::new();
        for _ in 0..KILLS_EACH {
            tokio::time::sleep(Duration::from_millis(rng.random_range(100..600))).await;
            killed.push(site.kill_one(rng.random_range(0..site.process_count())).await);
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..400))).await;
            site.launch().await;
        }
        let changes = storm.subside(crowd).await;
        let raged = begun.elapsed();
        let seen = settled(crowd).await;
        println!("{changes} changes in {raged:?}, killed {}; {}", killed.join(", "), seen.summary());
        crowd.look_around(seen);
    }
}

/// What is to be seen once all that travels has arrived, and it is right.
async fn settled(crowd: &Crowd) -> audit::World {
    tokio::time::sleep(2 * COUNTER_INTERVAL).await;
    eventually_within(Duration::from_secs(60), "every count equals its rows", async || {
        let seen = audit::World::read(crowd).await;
        let differences = seen.differences(crowd);
        if differences.is_empty() { Ok(seen) } else { Err(format!("{differences:#?}")) }
    })
    .await
}
