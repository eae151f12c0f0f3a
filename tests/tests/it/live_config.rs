//! Settings that change while the site runs: by documents in a folder, one for each role.

use std::{fs, path::PathBuf, time::Duration};

use fanone_tests::{Client, Code, Json as _, Site, client::PASSWORD, eventually, eventually_within, unique};

/// The folder of the documents, in that of the site.
const FOLDER: (&str, &str) = ("config.url", "file:documents");
/// What a change may take.
const SOON: Duration = Duration::from_secs(2);

fn folder(site: &Site) -> PathBuf {
    site.data_dir().with_file_name("documents")
}

fn publish(site: &Site, role: &str, text: &str) {
    fs::create_dir_all(folder(site)).unwrap();
    let half = folder(site).join("half");
    fs::write(&half, text).unwrap();
    fs::rename(half, document(site, role)).unwrap();
}

fn document(site: &Site, role: &str) -> PathBuf {
    folder(site).join(format!("fanone.{role}.toml"))
}

/// Waits until the address may register nobody, or anybody, at every front.
async fn registrations_are(site: &Site, allowed: bool) {
    let guest = site.guest();
    eventually_within(SOON, "the limit counts at every front", async || {
        for front in 0..2 {
            let answer = guest.register(&unique("new"), PASSWORD).await;
            if answer.is_success() != allowed {
                return Err(format!("front {front}: {}", answer.status));
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_limit_changes_within_two_seconds_and_goes_with_its_document() {
    let site = Site::with(&[FOLDER]).await;
    registrations_are(&site, true).await;
    publish(&site, "http", "[limits]\nenabled = true\nregistrations_per_ip = 1\n");
    registrations_are(&site, false).await;
    publish(&site, "http", "[limits]\nenabled = true\nregistrations_per_ip = 1000\n");
    registrations_are(&site, true).await;
    publish(&site, "http", "[limits]\nenabled = true\nregistrations_per_ip = 1\n");
    registrations_are(&site, false).await;
    fs::remove_file(document(&site, "http")).unwrap();
    registrations_are(&site, true).await;

    let log = site.log();
    for part in [
        "a live setting has changed",
        "limits.registrations_per_ip",
        "documents/fanone.http.toml:3",
        "environment FANONE_LIMITS__ENABLED",
    ] {
        assert!(log.contains(part), "{part:?} is not in the log:\n{log}");
    }
}

#[tokio::test]
async fn wrong_passwords_lock_by_the_number_that_is_in_force() {
    let site = Site::with(&[FOLDER]).await;
    let alice = site.user("alice").await;
    for _ in 0..4 {
        site.guest().login(&alice.name, "wrong password").await.refused(Code::WrongCredentials);
    }
    publish(&site, "user", "limits.enabled = true\nlimits.logins_failed_per_account = 3\n");
    // Not asked again and again: a good log-in forgets the failures.
    tokio::time::sleep(SOON).await;
    site.guest().login(&alice.name, PASSWORD).await.refused(Code::Locked);
}

#[tokio::test]
async fn counters_that_travel_by_the_hour_travel_at_once_when_told_so() {
    let site = Site::with(&[FOLDER, ("counters.interval_ms", "3600000")]).await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let id = alice.publish("liked").await.text("id");
    bob.like_video(&id, 1).await.success();
    tokio::time::sleep(SOON).await;
    assert_eq!(alice.video_info(&id).await.count("like_count"), 0);

    publish(&site, "interaction", "counters.interval_ms = 100\n");

    eventually("the like is counted", async || match alice.video_info(&id).await.count("like_count") {
        1 => Ok(()),
        count => Err(count.to_string()),
    })
    .await;
}

#[tokio::test]
async fn the_log_tells_more_when_told_so() {
    let site = Site::with(&[FOLDER]).await;
    site.user("alice").await;
    assert!(!site.log().contains("rpc.served"));
    publish(&site, "user", "telemetry.log_level = \"info,fanone_call=debug\"\n");
    eventually_within(SOON, "calls are in the log", async || {
        site.user("bob").await;
        if site.log().contains("rpc.served") { Ok(()) } else { Err("none is".to_owned()) }
    })
    .await;
}

#[tokio::test]
async fn a_bad_document_is_refused_with_one_line_a_metric_and_no_secret() {
    let site =
        Site::with(&[FOLDER, ("limits.enabled", "true"), ("limits.registrations_per_ip", "1000")]).await;
    let fronts = site.front_addresses().len();
    let refused = async |times: usize| {
        eventually_within(SOON, "every front has refused it", async || {
            match site.metrics().await.sum("fanone_config_documents_refused_total") {
                sum if sum as usize == times * fronts => Ok(()),
                sum => Err(sum.to_string()),
            }
        })
        .await;
    };
    publish(&site, "http", "[limits]\nregistrations_per_ip = 1\n[cache]\nurl = \"redis://:hunter2@h\"\n");
    refused(1).await;
    publish(&site, "http", "[limits]\nregistrations_per_ip = 1\npassword = hunter2\n");
    refused(2).await;
    registrations_are(&site, true).await;

    let log = site.log();
    assert_eq!(log.matches("a document is refused").count(), 2 * fronts, "{log}");
    assert!(log.contains("needs a restart: set it in the file"), "{log}");
    assert!(log.contains("no valid TOML"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn the_program_says_which_document_a_value_comes_from() {
    let site = Site::prepared(&[FOLDER]).await;
    let output = site.command_output(&["config"]).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.contains("can't be read"), "{errors}");

    publish(&site, "video", "[counters]\nbatch_events = 7\n");
    let output = site.command_output(&["config"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("batch_events")).unwrap();
    assert!(
        line.starts_with("batch_events = 7 ") && line.ends_with("documents/fanone.video.toml:2"),
        "{line}"
    );
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = site.command_output(&["config", "user"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("batch_events = 1000"));
}

#[tokio::test]
async fn a_feature_that_is_switched_off_is_refused_and_comes_back() {
    let site = Site::with(&[FOLDER]).await;
    let alice = site.user("alice").await;
    let video = alice.publish("before").await.text("id");
    publish(
        &site,
        "http",
        "[features]\nregistration = false\ncomment = false\nchat = false\nupload = false\n",
    );
    let comment = |at: &Client| at.post("/comment/publish").with("video_id", &video).with("content", "hello");
    eventually_within(SOON, "commenting is off at every front", async || {
        for front in site.front_addresses() {
            match comment(&alice.at(&front)).send().await.code() {
                10006 => {}
                code => return Err(code.to_string()),
            }
        }
        Ok(())
    })
    .await;
    for request in [
        site.guest().post("/user/register").with("username", unique("new")).with("password", PASSWORD),
        alice.post("/upload").header("Tus-Resumable", "1.0.0").header("Upload-Length", "1"),
        alice.post("/video/publish"),
        alice.get("/ws"),
    ] {
        let answer = request.send().await;
        assert_eq!((answer.status, answer.code()), (503, 10006), "{}", answer.message());
        assert!(answer.message().contains("switched off"), "{}", answer.message());
    }
    alice.get("/comment/list").with("video_id", &video).send().await.success();

    fs::remove_file(document(&site, "http")).unwrap();
    eventually_within(SOON, "commenting is back", async || match comment(&alice).send().await.code() {
        10000 => Ok(()),
        code => Err(code.to_string()),
    })
    .await;
}

#[tokio::test]
async fn how_many_requests_are_traced_changes_while_the_site_runs() {
    let collector = ("telemetry.otlp", "http://127.0.0.1:1");
    let site = Site::with(&[FOLDER, collector, ("telemetry.sample_per_mille", "0")]).await;
    let is_traced =
        async || site.guest().get("/video/feed").send().await.headers.contains_key("traceresponse");
    assert!(!is_traced().await);
    publish(&site, "http", "telemetry.sample_per_mille = 1000\n");
    eventually_within(SOON, "requests are traced", async || {
        if is_traced().await { Ok(()) } else { Err("none is".to_owned()) }
    })
    .await;
}
