//! Live settings out of a real Nacos: `scripts/servers up nacos`.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../common/mod.rs"]
mod common;

use std::{process::Command, time::Duration};

use common::{Console, PATIENCE, Process, SOON, server};
use fanone_config::{LogFormat, Role, Settings, Telemetry};
use fanone_live::{document_name, preview};
use fanone_telemetry::{logs, metrics};
use tokio::time::sleep;

// One role for each test, since the name of a document is that of a role.

#[tokio::test]
async fn a_document_counts_soon_after_it_was_first_published_changed_and_removed() {
    let (console, data, name) =
        (Console::open().await, tempfile::tempdir().unwrap(), document_name(Role::Video));
    console.remove(&name).await;
    let process = Process::start(&server("nacos"), Role::Video, &data).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(process.interval_ms(), 700);
    console.publish(&name, "counters.interval_ms = 50").await;
    let first = process.has(50, SOON).await;
    console.publish(&name, "counters.interval_ms = 60").await;
    let change = process.has(60, SOON).await;
    console.remove(&name).await;
    let removal = process.has(700, SOON).await;
    console.publish(&name, "counters.interval_ms = 70").await;
    let again = process.has(70, SOON).await;
    console.remove(&name).await;
    process.has(700, SOON).await;
    println!("first {first:?}, change {change:?}, removal {removal:?}, published again {again:?}");
}

#[tokio::test]
async fn a_bad_document_is_counted_and_the_old_one_stays() {
    let metrics = metrics::install().unwrap();
    let refused = |count: u32| {
        let line =
            format!("fanone_config_documents_refused_total{{document=\"fanone.social.toml\"}} {count}\n");
        metrics.render().contains(&line)
    };
    let (console, data, name) =
        (Console::open().await, tempfile::tempdir().unwrap(), document_name(Role::Social));
    console.publish(&name, "counters.interval_ms = 50").await;
    let process = Process::start(&server("nacos"), Role::Social, &data).await;
    process.has(50, PATIENCE).await;
    console.publish(&name, "counters.interval_ms = 60\nuser.listen = \"127.0.0.1:1\"").await;
    sleep(SOON).await;
    assert!(refused(1), "{}", metrics.render());
    assert_eq!((process.interval_ms(), process.told.lock().unwrap().len()), (50, 1));
    console.publish(&name, "counters.interval_ms = 70").await;
    process.has(70, SOON).await;
    assert!(refused(1));
    console.remove(&name).await;
}

#[tokio::test]
async fn the_listening_query_shows_us() {
    let (console, data, name) =
        (Console::open().await, tempfile::tempdir().unwrap(), document_name(Role::User));
    console.publish(&name, "counters.interval_ms = 50").await;
    let process = Process::start(&server("nacos"), Role::User, &data).await;
    process.has(50, PATIENCE).await;
    println!("listed after {:?}", console.is_listened_to(&name).await);
    console.remove(&name).await;
}

#[tokio::test]
async fn a_start_without_nacos_goes_by_what_was_last_in_force() {
    let (console, data, name) =
        (Console::open().await, tempfile::tempdir().unwrap(), document_name(Role::Interaction));
    console.publish(&name, "counters.interval_ms = 50").await;
    let process = Process::start(&server("nacos"), Role::Interaction, &data).await;
    process.has(50, PATIENCE).await;
    while !data.path().join("live").join(&name).exists() {
        sleep(Duration::from_millis(10)).await;
    }
    drop(process);
    console.remove(&name).await;
    let without = Process::start("nacos://127.0.0.1:9/fanone", Role::Interaction, &data).await;
    assert_eq!(without.interval_ms(), 50);
    drop(without);
    let with = Process::start(&server("nacos"), Role::Interaction, &data).await;
    assert_eq!(with.interval_ms(), 50, "until Nacos is heard");
    with.has(700, PATIENCE).await;
}

#[tokio::test]
async fn a_preview_says_what_comes_from_nacos_and_that_it_is_away() {
    let (console, name) = (Console::open().await, document_name(Role::Http));
    console.publish(&name, "[limits]\nmfa_failures = 3").await;
    let with = |url: String| {
        let data = ("FANONE_DATA_DIR".to_owned(), std::env::temp_dir().display().to_string());
        Settings::load(None, [("FANONE_CONFIG__URL".to_owned(), url), data].into_iter()).unwrap()
    };
    let (settings, problems) = preview(&with(server("nacos")), &[Role::Http]).await.unwrap();
    assert_eq!(problems, Vec::<String>::new());
    let text = settings.render();
    assert!(text.contains("# nacos fanone.http.toml:2\n") && text.contains("nacos://fanone:***@"), "{text}");
    console.remove(&name).await;
    let nobody = with("nacos://me:hunter2@127.0.0.1:9/fanone".to_owned());
    let (settings, problems) = preview(&nobody, &[Role::Http]).await.unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(!problems.concat().contains("hunter2") && !settings.render().contains("hunter2"), "{problems:?}");
}

/// Not a test of its own: what the next one runs in another process, whose log it reads.
#[tokio::test]
#[ignore = "a part of another test"]
async fn somebody_logs_in_and_logs_everything() {
    let url = std::env::var("FANONE_TEST_URL").unwrap();
    let telemetry = Telemetry {
        log_level: "trace,nacos_sdk=trace".to_owned(),
        log_format: LogFormat::Text,
        otlp: String::new().into(),
        sample_per_mille: 0,
    };
    logs::init(&telemetry).unwrap();
    let data = tempfile::tempdir().unwrap();
    let _process = Process::start(&url, Role::Http, &data).await;
    sleep(Duration::from_secs(8)).await;
}

#[tokio::test]
async fn neither_password_nor_token_is_ever_in_the_log() {
    let right = server("nacos");
    let (user, place) = right.rsplit_once('@').unwrap();
    let (_, password) = user.rsplit_once(':').unwrap();
    let wrong = format!("nacos://fanone:hunter2hunter2@{place}");
    for (url, secret) in [(&right, password), (&wrong, "hunter2hunter2")] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "somebody_logs_in_and_logs_everything", "--ignored", "--nocapture"]);
        let output = tokio::process::Command::from(child).env("FANONE_TEST_URL", url).output().await.unwrap();
        let log = [output.stdout, output.stderr].concat();
        let log = String::from_utf8_lossy(&log);
        assert!(log.contains(" TRACE ") || log.contains(" DEBUG "), "it logged nothing: {log}");
        assert!(!log.contains(secret), "a password is in the log: {log}");
        // A token of Nacos is a JWT signed with HS256.
        assert!(!log.contains("eyJhbGciOi"), "a token is in the log: {log}");
        let told = log.contains("documents can't be read");
        assert_eq!(told, url == &wrong, "{log}");
    }
}
