//! The registry on a real Nacos: `scripts/servers up nacos`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

mod console;
mod kit;
mod log;
mod outage;

use std::time::Duration;

use console::{Console, Servers};
use fanone_registry::{Instance, Registry};
use kit::{folder, instance, open, seen, sees, service};
use serde_json::{Value, json};

/// What an operator changes counts within this.
const SOON: Duration = Duration::from_secs(2);
/// How much later than another one a process may hear of a change.
const SPREAD: Duration = Duration::from_millis(400);
/// The first connection, on a busy machine.
const FIRST: Duration = Duration::from_secs(20);

/// A service with one instance, and a process that watches it.
struct Scene {
    service: String,
    one: Instance,
    owner: Registry,
    watcher: Registry,
    console: Console,
    _folders: [tempfile::TempDir; 2],
}

impl Scene {
    async fn set() -> Self {
        log::record();
        let (servers, service) = (Servers::of_run(), service());
        let ((owned, owner), (watched, watcher)) = (folder(), folder());
        let (owner, watcher) = (open(&servers.nacos(), &owner), open(&servers.nacos(), &watcher));
        watcher.watch_service(&service);
        let one = instance(&service);
        owner.register(one.clone()).await.unwrap();
        let scene = Self {
            one,
            owner,
            watcher,
            console: servers.console().await,
            service,
            _folders: [owned, watched],
        };
        scene.sees(&[scene.port(1000)], FIRST).await;
        scene
    }

    fn port(&self, weight: u32) -> (u16, u32) {
        (self.one.address.port(), weight)
    }

    async fn sees(&self, wanted: &[(u16, u32)], within: Duration) -> Duration {
        sees(&self.watcher, &self.service, wanted, within).await
    }

    async fn edit(&self, key: &str, value: Value) {
        let row = self.console.instance(&self.service).await;
        self.console.edit(&self.service, &row, key, value).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_shown_as_it_is_and_goes_when_it_leaves() {
    let scene = Scene::set().await;
    let row = scene.console.instance(&scene.service).await;
    assert_eq!((&row["ip"], &row["port"]), (&json!("127.0.0.1"), &json!(scene.one.address.port())));
    assert_eq!(
        (&row["weight"], &row["enabled"], &row["ephemeral"]),
        (&json!(10.0), &json!(true), &json!(true))
    );
    assert_eq!(row["metadata"], json!(scene.one.metadata));

    scene.owner.leave().await;
    // It returns when others have seen it.
    assert_eq!(seen(&scene.watcher, &scene.service).await, []);
    assert!(scene.console.instances(&scene.service).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_offline_counts_at_once_and_until_the_click_on_online() {
    /// Longer than it takes until an instance that is missing in the lists is registered again.
    const A_WHILE: Duration = Duration::from_secs(20);
    let scene = Scene::set().await;
    scene.edit("enabled", json!(false)).await;
    let took = scene.sees(&[], SOON).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(seen(&scene.watcher, &scene.service).await, [], "it came back by itself");
    scene.edit("enabled", json!(true)).await;
    let back = scene.sees(&[scene.port(1000)], SOON).await;
    println!("the last instance was offline after {took:?} and online after {back:?}");
    assert_eq!(scene.console.instance(&scene.service).await["metadata"], json!(scene.one.metadata));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_counts_as_registered_once_others_are_told_or_if_an_operator_keeps_it_offline() {
    let scene = Scene::set().await;
    is_placed(&scene.owner).await;
    scene.edit("enabled", json!(false)).await;
    scene.owner.deregister(&scene.one).await.unwrap();
    scene.owner.register(scene.one.clone()).await.unwrap();
    is_placed(&scene.owner).await;

    let (_folder, path) = folder();
    let other = open(&Servers::of_run().nacos(), &path);
    let two = instance(&scene.service);
    other.register(two.clone()).await.unwrap();
    assert_eq!(other.unregistered_services(), [scene.service.as_str()]);
    is_placed(&other).await;
    scene.sees(&[(two.address.port(), 1000)], SPREAD).await;
}

async fn is_placed(registry: &Registry) {
    let all = async {
        while !registry.unregistered_services().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(FIRST, all).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_weight_counts_at_once() {
    let scene = Scene::set().await;
    scene.edit("weight", json!(30.0)).await;
    let took = scene.sees(&[scene.port(3000)], SOON).await;
    scene.edit("weight", json!(0.5)).await;
    scene.sees(&[scene.port(50)], SOON).await;
    scene.edit("weight", json!(0.0)).await;
    scene.sees(&[], SOON).await;
    println!("an edited weight counted after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_of_a_process_counts_beside_the_first_and_a_killed_process_goes() {
    let scene = Scene::set().await;
    let (_folder, path) = folder();
    let other = open(&Servers::of_run().nacos(), &path);
    let two = instance(&scene.service);
    other.register(two.clone()).await.unwrap();
    scene.sees(&[scene.port(1000), (two.address.port(), 1000)], FIRST).await;
    scene.owner.deregister(&scene.one).await.unwrap();
    scene.sees(&[(two.address.port(), 1000)], SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it_and_no_level_of_the_log_shows_a_token() {
    let scene = Scene::set().await;
    let (_folder, path) = folder();
    let right = Servers::of_run().nacos();
    let password = right.split([':', '@']).nth(2).unwrap().to_owned();
    let wrong = open(&right.replace(&password, "hunter2hunter2"), &path);
    wrong.watch_service(&scene.service);
    log::until("Nacos refuses the user or the password").await;
    assert_eq!(wrong.unknown_services(), [scene.service.as_str()]);
    assert_eq!(seen(&wrong, &scene.service).await, []);
    // Everything that all the tests of this run have logged so far, at every level.
    for secret in ["hunter2hunter2", &password, "eyJ"] {
        assert!(!log::text().contains(secret), "the log has {secret}");
    }
}
