//! A Nacos that goes down and comes back: `scripts/servers up nacos`. A target of its own, for it stops the server.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../common/mod.rs"]
mod common;

use std::time::Duration;

use common::{Console, PATIENCE, Process, SOON, root, server};
use fanone_config::Role;
use fanone_live::document_name;
use fanone_telemetry::metrics;
use tokio::{process::Command, time::sleep};

async fn servers(step: &str) {
    let status = Command::new(root().join("scripts/servers")).args([step, "nacos"]).status().await.unwrap();
    assert!(status.success(), "scripts/servers {step} nacos");
}

#[tokio::test]
async fn what_is_in_force_stays_while_nacos_is_down_and_changes_count_again_after() {
    let metrics = metrics::install().unwrap();
    let (data, name) = (tempfile::tempdir().unwrap(), document_name(Role::User));
    Console::open().await.publish(&name, "counters.interval_ms = 50").await;
    let process = Process::start(&server("nacos"), Role::User, &data).await;
    process.has(50, PATIENCE).await;

    servers("down").await;
    sleep(Duration::from_secs(15)).await;
    assert_eq!(process.interval_ms(), 50);
    assert!(metrics.render().contains("fanone_config_away 1\n"), "{}", metrics.render());
    servers("up").await;

    let console = Console::open().await;
    console.publish(&name, "counters.interval_ms = 60").await;
    let back = process.has(60, PATIENCE).await;
    assert!(metrics.render().contains("fanone_config_away 0\n"));
    console.publish(&name, "counters.interval_ms = 70").await;
    let change = process.has(70, SOON).await;
    let listed = console.is_listened_to(&name).await;
    console.remove(&name).await;
    process.has(700, SOON).await;
    assert_eq!(process.told.lock().unwrap().len(), 4, "one for each change");
    println!("back {back:?} after Nacos, a change took {change:?}, listed after {listed:?}");
}
