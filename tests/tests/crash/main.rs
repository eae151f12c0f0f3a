//! A storm of changes, a kill in the middle of it, a new start: every count equals its rows. Many times.
//!
//! The seed of each run is printed; `FANONE_TEST_SEED` repeats its choices (not its timing).

#[cfg(test)]
mod audit;
#[cfg(test)]
mod storm;

use std::time::Duration;

use fanone_tests::{Site, eventually_within};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const ROUNDS: u32 = 20;
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
    let mut crowd = storm::Crowd::gather(&site).await;

    for round in 0..ROUNDS {
        let calm = Duration::from_millis(rng.random_range(300..1500));
        let storm = crowd.rage(rng.random());
        tokio::time::sleep(calm).await;
        site.kill().await;
        let changes = storm.subside(&mut crowd).await;
        site.launch().await;
        crowd.repeat_what_was_not_answered().await;
        tokio::time::sleep(2 * COUNTER_INTERVAL).await;

        let seen = eventually_within(Duration::from_secs(60), "every count equals its rows", async || {
            let seen = audit::World::read(&crowd).await;
            let differences = seen.differences(&crowd);
            if differences.is_empty() { Ok(seen) } else { Err(format!("{differences:#?}")) }
        })
        .await;
        println!("round {round}: killed after {calm:?} and {changes} changes; {}", seen.summary());
        crowd.look_around(&seen);
    }
}
