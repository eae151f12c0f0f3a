//! What an operation costs: GET by many callers at a time, through this crate and through a pool that gives a connection to
//! one caller at a time. `cargo run --release -p fanone-cache --example trips -- redis://…`

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deadpool_redis::{Config, Runtime, redis::cmd};
use fanone_cache::{Options, open};

const CALLERS: usize = 64;
const CALLS: usize = 4000;

/// Processor time of this process so far, in seconds.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

async fn measure<F: Future<Output = ()> + Send + 'static>(
    name: &str,
    call: impl Fn() -> F + Send + Sync + 'static,
) {
    let call = Arc::new(call);
    let (wall, busy) = (Instant::now(), processor());
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let call = Arc::clone(&call);
            tokio::spawn(async move {
                for _ in 0..CALLS {
                    call().await;
                }
            })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.is_ok(), "a caller has failed");
    }
    let calls = u32::try_from(CALLERS * CALLS).map_or(1.0, f64::from);
    let (wall, busy) = (wall.elapsed().as_secs_f64(), processor() - busy);
    println!("{name:32} {:8.0} a second, {:5.1} µs of processor each", calls / wall, busy / calls * 1e6);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of a Redis expected")?;
    for connections in [1, 2, 4] {
        let options = Options { timeout: Duration::from_secs(5), connections, ..Options::default() };
        let cache = open(&url, &options)?;
        cache.set("trips", Bytes::from_static(&[7; 100]), Duration::from_secs(600)).await?;
        let get = cache.clone();
        measure(&format!("get, {connections} connections"), move || {
            let cache = get.clone();
            async move { assert!(cache.get("trips").await.is_ok_and(|value| value.is_some())) }
        })
        .await;
        measure(&format!("incr, {connections} connections"), move || {
            let cache = cache.clone();
            async move { assert!(cache.incr("trips:n", 1, Duration::from_secs(60)).await.is_ok()) }
        })
        .await;
    }
    let mut config = Config::from_url(url);
    for size in [4, 16] {
        config.pool = Some(deadpool_redis::PoolConfig::new(size));
        let pool = config.create_pool(Some(Runtime::Tokio1))?;
        measure(&format!("get, a pool of {size}"), move || {
            let pool = pool.clone();
            async move {
                let Ok(mut connection) = pool.get().await else { return };
                let value = cmd("GET").arg("trips").query_async::<Option<Bytes>>(&mut connection).await;
                assert!(value.is_ok_and(|value| value.is_some()));
            }
        })
        .await;
    }
    Ok(())
}
