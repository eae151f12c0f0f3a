//! A primary dies, and another server takes its place. Run alone: `cargo test -p fanone-cache --test failover`. Puts the
//! servers right again when it is done.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../common/mod.rs"]
mod common;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deadpool_redis::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use deadpool_redis::redis::{Client, InfoDict, RedisConnectionInfo, cmd};
use fanone_cache::{Cache, Event, Options};
use tokio::time::{Instant, sleep, timeout};

use common::{PATIENCE, cache, key, patient, root, server};

const TTL: Duration = Duration::from_secs(600);
/// No operation may take longer: the deadline, and what a busy machine adds.
const LONGEST: Duration = Duration::from_secs(3);

/// Ends a server as a crash would.
async fn kill(node: Client) {
    let mut connection = node.get_multiplexed_async_connection().await.unwrap();
    let info: InfoDict = cmd("INFO").arg("server").query_async(&mut connection).await.unwrap();
    let process: u32 = info.get("process_id").unwrap();
    assert!(Command::new("kill").arg("-9").arg(process.to_string()).status().unwrap().success());
}

/// Starts what was killed; also when the test fails.
struct Repair(&'static str);

impl Drop for Repair {
    fn drop(&mut self) {
        let done = Command::new(root().join("scripts/servers")).args(["up", self.0]).status();
        assert!(std::thread::panicking() || done.unwrap().success());
    }
}

fn password(url: &str) -> &str {
    let (start, _) = url.rsplit_once('@').unwrap();
    start.rsplit_once(':').unwrap().1
}

/// Uses the cache until it is there for others again. No operation waits longer than its deadline, the limit holds, and
/// what changed meanwhile is not read.
async fn outlive(cache: &Arc<dyn Cache>, removed: &[String]) -> Duration {
    let (started, counter) = (Instant::now(), key("counter"));
    // On every node of a cluster.
    let everywhere: Vec<&str> = removed.iter().map(String::as_str).collect();
    let mut was_away = false;
    loop {
        let one = Instant::now();
        let is_there = cache.shared_get(&everywhere).await.is_ok();
        cache.incr(&counter, 1, TTL).await.unwrap();
        assert!(one.elapsed() < LONGEST, "an operation took {:?}", one.elapsed());
        if !is_there && !was_away {
            for key in removed {
                cache.remove(&[key]).await.unwrap();
            }
        }
        was_away |= !is_there;
        if was_away && is_there {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the cache is not back");
        sleep(Duration::from_millis(20)).await;
    }
    for key in removed {
        assert_eq!(cache.get(key).await.unwrap(), None);
    }
    assert!(cache.epoch() > 0);
    started.elapsed()
}

async fn prepared(url: &str) -> (Arc<dyn Cache>, Vec<String>) {
    let cache = cache(url, &Options { timeout: Duration::from_millis(500), ..patient() });
    cache.ping().await.unwrap();
    let keys: Vec<String> = (0..100).map(|number| key(&number.to_string())).collect();
    for key in &keys {
        cache.set(key, Bytes::from_static(b"old"), TTL).await.unwrap();
    }
    (cache, keys)
}

#[tokio::test]
async fn a_replica_takes_the_place_of_a_primary_that_dies() {
    let url = server("sentinel");
    let _repair = Repair("sentinel");
    let (cache, keys) = prepared(&url).await;
    let channel = key("channel");
    let mut listener = cache.subscribe(&channel).await.unwrap();

    let (hosts, master) = url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    let sentinels = hosts.split(',').map(|host| format!("redis://{host}")).collect();
    let login = RedisConnectionInfo::default().set_password(password(&url));
    let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(login);
    let kind = SentinelServerType::Master;
    let mut client = SentinelClient::build(sentinels, master.to_owned(), Some(node), kind).unwrap();
    kill(client.async_get_client().await.unwrap()).await;

    println!("back after {:?}", outlive(&cache, &keys).await);
    assert!(matches!(timeout(PATIENCE, listener.next()).await.unwrap(), Some(Event::Lagged(_))));
    let other = common::cache(&url, &patient());
    other.publish(&channel, Bytes::from_static(b"m")).await.unwrap();
    while timeout(PATIENCE, listener.next()).await.unwrap() != Some(Event::Message(Bytes::from_static(b"m")))
    {
    }
}

#[tokio::test]
async fn a_cluster_outlives_one_of_its_primaries() {
    let url = server("cluster");
    let _repair = Repair("cluster");
    let (cache, keys) = prepared(&url).await;
    let hosts = url.rsplit_once('@').unwrap().1;
    for host in hosts.split(',') {
        let client = Client::open(format!("redis://:{}@{host}", password(&url))).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let info: InfoDict = cmd("INFO").arg("replication").query_async(&mut connection).await.unwrap();
        if info.get::<String>("role").as_deref() == Some("master") {
            kill(client).await;
            break;
        }
    }
    println!("back after {:?}", outlive(&cache, &keys).await);
}
