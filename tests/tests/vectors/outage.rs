//! While Milvus does not work, image search does not, and nothing else is different.

use std::time::{Duration, Instant};

use fanone_tests::{Code, Site, eventually, relay::Mode};

use crate::kit::{avatar, found, milvus, search};

/// Far more than the limit of a search, and less than the time of a call between services.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn while_it_is(mode: Mode) {
    let site = Site::with(&[("vectors.timeout_ms", "500")]).await;
    assert!(milvus(&site).collections().await.is_empty(), "the first vector makes the collection");
    let before = avatar(&site, 1).await;
    found(&site, 1, &before).await;

    site.set_way_to("milvus", mode);

    let guest = site.guest();
    eventually("the outage is noticed", async || match search(&guest, 1).await.status {
        503 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    for _ in 0..5 {
        let begun = Instant::now();
        search(&guest, 1).await.rejected(503, Code::Unavailable);
        assert!(begun.elapsed() < AT_ONCE, "nobody waits: {:?}", begun.elapsed());
    }
    let during = avatar(&site, 2).await;
    let alice = site.user("alice").await;
    alice.publish("during").await;
    for url in site.admin_urls("/readyz") {
        let ready = alice.get(&url).send().await;
        assert_eq!(ready.status, 200, "everything else works: {}", ready.shown());
    }
    eventually("operators see it", async || {
        if site.metrics().await.sum("fanone_vectors_away") < 1.0 {
            return Err("no process says that it is away".to_owned());
        }
        let waiting = site.metrics().await;
        let waits = waiting.samples.iter().any(|sample| {
            sample.name == "fanone_outbox_pending_events"
                && sample.label("destination") == "vectors"
                && sample.value > 0.0
        });
        if waits { Ok(()) } else { Err("nothing waits in the outbox".to_owned()) }
    })
    .await;

    site.set_way_to("milvus", Mode::Pass);

    found(&site, 1, &before).await;
    found(&site, 2, &during).await;
}

#[tokio::test]
async fn while_milvus_is_gone_only_image_search_is_and_what_came_meanwhile_is_made_up_for() {
    while_it_is(Mode::Refuse).await;
}

#[tokio::test]
async fn a_milvus_that_does_not_answer_is_like_one_that_is_gone() {
    while_it_is(Mode::Stall).await;
}

#[tokio::test]
async fn a_site_starts_without_its_milvus() {
    let mut site = Site::prepared(&[]).await;
    site.set_way_to("milvus", Mode::Refuse);
    site.launch().await;
    let picture = avatar(&site, 3).await;
    search(&site.guest(), 3).await.rejected(503, Code::Unavailable);
    site.set_way_to("milvus", Mode::Pass);
    found(&site, 3, &picture).await;
    site.restart().await;
    found(&site, 3, &picture).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_to_operators_and_shown_to_nobody() {
    let mut site = Site::prepared(&[]).await;
    let url = milvus(&site).url_with_password("hunter2hunter2");
    site.set("vectors.url", &url);
    site.launch().await;
    let picture = avatar(&site, 4).await;
    search(&site.guest(), 4).await.rejected(503, Code::Unavailable);
    let guest = site.guest();
    eventually("the reason stands on the list of parts", async || {
        let mut seen = String::new();
        for url in site.admin_urls("/readyz") {
            let ready = guest.get(&url).send().await;
            assert_eq!(ready.status, 200, "{}", ready.shown());
            seen.push_str(&ready.text());
        }
        if seen.contains("user.vectors") && seen.contains("refuses") { Ok(()) } else { Err(seen) }
    })
    .await;
    let log = site.log();
    assert!(log.contains("refuses") && !log.contains("hunter2"), "{log}");

    site.stop(fanone_tests::Signal::Terminate).await;
    let url = milvus(&site).url();
    site.set("vectors.url", &url);
    site.launch().await;
    found(&site, 4, &picture).await;
}
