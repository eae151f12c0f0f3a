//! Nacos is killed and started again: one of its own, with folder and ports of its own.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use fanone_registry::Registry;

use crate::{
    console::{Console, Servers},
    kit::{folder, instance, open, seen, sees, service},
    log,
};

/// Of the Nacos that is killed, as for `FANONE_SERVERS_PORTS`.
const PORTS: &str = "FANONE_TEST_NACOS_PORTS";
/// So long does Nacos stay away. The client alone would then be back 62 s after the kill.
const AWAY: Duration = Duration::from_secs(25);
/// From the readiness of Nacos.
const BACK: Duration = Duration::from_secs(20);
/// What is missing after an outage is kept for 30 s.
const GRACE: Duration = Duration::from_secs(40);

/// A Nacos of this test alone. It ends with the value.
struct Own {
    servers: Servers,
    _folder: tempfile::TempDir,
}

impl Own {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = Self { servers: Servers { folder: folder.path().join("servers") }, _folder: folder };
        own.script("up");
        own
    }

    fn script(&self, step: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ports = env::var(PORTS).unwrap_or_else(|_| "16000".to_owned());
        let status = Command::new(root.join("scripts/servers"))
            .args([step, "nacos"])
            .env("FANONE_SERVERS_DIR", &self.servers.folder)
            .env("FANONE_SERVERS_PORTS", ports)
            .status();
        assert!(status.unwrap().success(), "scripts/servers {step} nacos");
    }

    fn kill(&self) {
        let pid = std::fs::read_to_string(self.servers.folder.join("nacos/pid")).unwrap();
        assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.script("down");
        }
        self.kill();
    }
}

/// Waits until the console shows as many instances; in the meantime `watcher` must see all of `wanted`.
async fn all_are_back(
    console: &Console,
    service: &str,
    watcher: &Registry,
    wanted: &[(u16, u32)],
) -> Duration {
    let mut ready = None;
    loop {
        assert_eq!(seen(watcher, service).await, wanted, "the list has shrunk");
        if ready.is_none() && console.is_ready().await {
            ready = Some(Instant::now());
        }
        if let Some(ready) = ready {
            let took: Duration = ready.elapsed();
            assert!(took < BACK, "not all are back within {BACK:?}");
            if console.instances(service).await.len() == wanted.len() {
                return took;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nacos_may_die_and_come_back() {
    log::record();
    let nacos = tokio::task::spawn_blocking(Own::start).await.unwrap();
    let (url, console, service) = (nacos.servers.nacos(), nacos.servers.console().await, service());
    let ((_one, first), (_two, second), (_kept, kept)) = (folder(), folder(), folder());
    let (one, two) = (instance(&service), instance(&service));
    let (first, second, watcher) = (open(&url, &first), open(&url, &second), open(&url, &kept));
    first.register(one.clone()).await.unwrap();
    second.register(two.clone()).await.unwrap();
    watcher.watch_service(&service);
    let both = [(one.address.port(), 1000), (two.address.port(), 1000)];
    sees(&watcher, &service, &both, BACK).await;
    // Until it is written down.
    tokio::time::sleep(Duration::from_secs(1)).await;

    nacos.kill();
    let begun = Instant::now();
    let late = open(&url, &kept);
    late.watch_service(&service);
    assert!(begun.elapsed() < Duration::from_millis(500), "the start has waited for Nacos");
    assert_eq!(seen(&late, &service).await, both, "the start knows what was known last");
    assert!(late.unknown_services().is_empty());
    tokio::time::sleep(AWAY).await;
    assert_eq!(seen(&watcher, &service).await, both);

    let up = tokio::task::spawn_blocking(move || {
        nacos.script("up");
        nacos
    });
    let took = all_are_back(&console, &service, &watcher, &both).await;
    println!("all instances were back {took:?} after Nacos was ready");
    let nacos = up.await.unwrap();
    assert_eq!(seen(&late, &service).await, both);

    // When the old clients have connected as well, they have nothing more to say.
    tokio::time::sleep(GRACE).await;
    assert_eq!(console.instances(&service).await.len(), both.len());
    assert_eq!(seen(&watcher, &service).await, both);
    first.leave().await;
    assert_eq!(console.instances(&service).await.len(), 1);
    for registry in [&watcher, &late] {
        sees(registry, &service, &both[1..], Duration::from_secs(4)).await;
    }
    tokio::task::spawn_blocking(move || drop(nacos)).await.unwrap();
}
