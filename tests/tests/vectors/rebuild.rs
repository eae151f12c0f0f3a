//! `fanone reindex` beside a running site.

use std::sync::atomic::{AtomicBool, Ordering};

use fanone_tests::{Site, world::World};

use crate::kit::{avatar, found, milvus, search};

async fn reindex(site: &Site) -> String {
    let output = site.command_output(&["reindex"]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "fanone reindex: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_reindex_brings_back_what_was_lost() {
    let site = Site::start().await;
    let mut urls = Vec::new();
    for number in 10..14 {
        urls.push(avatar(&site, number).await);
    }
    for (number, url) in (10..14).zip(&urls) {
        found(&site, number, url).await;
    }
    let lost = milvus(&site).collections().await;
    milvus(&site).drop_collections().await;

    let told = reindex(&site).await;

    assert!(told.contains(": 4 vectors"), "{told}");
    for (number, url) in (10..14).zip(&urls) {
        found(&site, number, url).await;
    }
    let present = milvus(&site).collections().await;
    assert!(present.len() == 1 && present != lost, "{lost:?}, {present:?}");
    let after = avatar(&site, 14).await;
    found(&site, 14, &after).await;
}

#[tokio::test]
async fn nobody_notices_a_reindex_and_what_another_one_has_left_is_removed() {
    let site = Site::start().await;
    let url = avatar(&site, 20).await;
    found(&site, 20, &url).await;
    let before = milvus(&site).collections().await;
    let left = milvus(&site).leave_over(before.first().expect("a collection")).await;

    let (guest, done) = (site.guest(), AtomicBool::new(false));
    let searching = async {
        let mut count = 0;
        while !done.load(Ordering::Relaxed) {
            assert_eq!(search(&guest, 20).await.pictures().len(), 1, "a search during the reindex");
            count += 1;
        }
        count
    };
    let working = async {
        reindex(&site).await;
        done.store(true, Ordering::Relaxed);
    };
    let (count, ()) = tokio::join!(searching, working);
    assert!(count > 5, "{count} searches");

    let after = milvus(&site).collections().await;
    assert!(after.len() == 1 && after != before && !after.contains(&left), "{before:?}, {after:?}");
    found(&site, 20, &url).await;
}

#[tokio::test]
async fn a_second_reindex_is_refused_and_drops_nothing() {
    // There is no other hand on the rows of files.
    if World::of_run() == World::Embedded {
        return;
    }
    let mut site = Site::start().await;
    let url = avatar(&site, 30).await;
    found(&site, 30, &url).await;
    let before = milvus(&site).collections().await;
    site.administer("user", "INSERT INTO lease VALUES ('user_reindex', 'another', 9000000000000000)");

    let output = site.command_output(&["reindex"]).await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("another `fanone reindex` is at work"), "{told}");
    assert_eq!(milvus(&site).collections().await, before);

    site.administer("user", "DELETE FROM lease WHERE name = 'user_reindex'");
    reindex(&site).await;
    assert_ne!(milvus(&site).collections().await, before);
    found(&site, 30, &url).await;
}
