//! Live settings out of a folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{fs, path::Path, sync::mpsc, time::Duration};

use fanone_config::{Live, Role, Settings};
use fanone_live::{LiveSettings, Others, preview};
use fanone_telemetry::metrics;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// What a change may take.
const SOON: Duration = Duration::from_secs(2);
const USER: &str = "fanone.user.toml";

struct World {
    folder: TempDir,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let documents = folder.path().join("documents");
        fs::create_dir(&documents).unwrap();
        let env = [
            ("FANONE_CONFIG__URL", format!("file:{}", documents.display())),
            ("FANONE_DATA_DIR", folder.path().display().to_string()),
            ("FANONE_COUNTERS__INTERVAL_MS", "700".to_owned()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { settings: Settings::load(None, env).unwrap(), folder }
    }

    fn documents(&self) -> std::path::PathBuf {
        self.folder.path().join("documents")
    }

    fn publish(&self, name: &str, text: &str) {
        publish(&self.documents(), name, text);
    }

    /// Follows the documents of all roles; the receiver hears of changes.
    async fn follow(&self) -> (Live, mpsc::Receiver<String>) {
        let (sender, changed) = mpsc::channel();
        let told = move |values: &fanone_config::LiveValues| sender.send(values.log_level.clone()).unwrap();
        let settings = LiveSettings::open(&self.settings, &Role::ALL, Others::default(), told).await.unwrap();
        let live = settings.live();
        tokio::spawn(settings.run());
        (live, changed)
    }
}

fn publish(folder: &Path, name: &str, text: &str) {
    let half = folder.join("half");
    fs::write(&half, text).unwrap();
    fs::rename(half, folder.join(name)).unwrap();
}

async fn soon(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "not soon: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn interval_ms(live: &Live) -> u64 {
    live.get().counters.interval_ms
}

#[tokio::test]
async fn a_document_that_is_there_counts_from_the_start() {
    let world = World::new();
    world.publish(USER, "counters.interval_ms = 50\ntelemetry.log_level = \"debug\"");
    let (live, changed) = world.follow().await;
    assert_eq!(interval_ms(&live), 50);
    assert_eq!(changed.try_recv().unwrap(), "debug");
}

#[tokio::test]
async fn a_document_counts_soon_after_it_came_changed_or_went() {
    let world = World::new();
    let (live, changed) = world.follow().await;
    assert_eq!(interval_ms(&live), 700);
    world.publish(USER, "counters.interval_ms = 50");
    soon("it came", || interval_ms(&live) == 50).await;
    world.publish(USER, "counters.interval_ms = 60");
    soon("it changed", || interval_ms(&live) == 60).await;
    fs::remove_file(world.documents().join(USER)).unwrap();
    soon("it went", || interval_ms(&live) == 700).await;
    assert_eq!(changed.try_iter().count(), 3);
}

#[tokio::test]
async fn a_bad_document_is_counted_once_and_the_old_one_stays() {
    let metrics = metrics::install().unwrap();
    let refused = |count: u32| {
        let line =
            format!("fanone_config_documents_refused_total{{document=\"fanone.social.toml\"}} {count}\n");
        metrics.render().contains(&line)
    };
    let world = World::new();
    world.publish("fanone.social.toml", "counters.interval_ms = 50");
    let (live, _changed) = world.follow().await;
    assert!(refused(0));
    world.publish("fanone.social.toml", "counters.interval_ms = 1\ncounters.batch_events = 7");
    soon("it is refused", || refused(1)).await;
    sleep(SOON).await;
    assert!(refused(1), "the same text is refused once");
    let values = live.get();
    assert_eq!((values.counters.interval_ms, values.counters.batch_events), (50, 1000));
    world.publish("fanone.social.toml", "counters.batch_events = 7");
    soon("a good one counts", || live.get().counters.batch_events == 7).await;
    assert_eq!(interval_ms(&live), 700, "and takes the place of the first");
}

#[tokio::test]
async fn what_is_in_force_stays_while_the_folder_is_away() {
    let world = World::new();
    world.publish(USER, "counters.interval_ms = 50");
    let (live, changed) = world.follow().await;
    let away = world.folder.path().join("away");
    fs::rename(world.documents(), &away).unwrap();
    publish(&away, USER, "counters.interval_ms = 60");
    sleep(SOON).await;
    assert_eq!(interval_ms(&live), 50);
    fs::rename(away, world.documents()).unwrap();
    soon("it is back", || interval_ms(&live) == 60).await;
    assert_eq!(changed.try_iter().count(), 2);
}

#[tokio::test]
async fn a_preview_names_origins_and_what_is_refused() {
    let world = World::new();
    world.publish(USER, "[limits]\nmfa_failures = 3");
    world.publish("fanone.http.toml", "[http]\nlisten = \"127.0.0.1:1\"");
    let (settings, problems) = preview(&world.settings, &Role::ALL).await.unwrap();
    assert!(settings.render().contains("/documents/fanone.user.toml:2\n"), "{}", settings.render());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("needs a restart: set it in the file"), "{problems:?}");
    let (_, problems) = preview(&world.settings, &[Role::User]).await.unwrap();
    assert_eq!(problems, Vec::<String>::new(), "the front's document is not the user service's");
}
