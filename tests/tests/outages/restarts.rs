//! Every process is restarted in turn, and each role has one process only for a while: nobody notices.

use std::time::Duration;

use fanone_tests::{Site, world::Form};

use crate::{table::documented, traffic::Traffic};

/// How long each role has one process only.
const ALONE: Duration = Duration::from_secs(3);
/// As long as a test machine needs with ten processes and all their visitors.
const SETTINGS: [(&str, &str); 2] = [("http.leave_ms", "1000"), ("identity.access_ttl_s", "86400")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_every_process_is_restarted_and_replicas_go_and_come() {
    if Form::of_run() != Form::Ten {
        return;
    }
    let mut site = Site::prepared(&SETTINGS).await;
    if site.namespace().is_none() {
        return;
    }
    site.reuse_connections();
    site.launch().await;
    let traffic = Traffic::begin(&site).await;
    for place in 0..site.process_count() {
        assert!(site.end_one(place).await.success());
        site.launch().await;
    }
    for place in (0..site.process_count()).step_by(2) {
        assert!(site.end_one(place).await.success());
    }
    tokio::time::sleep(ALONE).await;
    site.launch().await;
    tokio::time::sleep(ALONE).await;

    let report = traffic.end().await;
    let rate = f64::from(u32::try_from(report.count()).unwrap_or(u32::MAX)) / report.took.as_secs_f64();
    println!("{} requests in {:?}, {rate:.0} a second", report.count(), report.took);
    for operation in documented().operations {
        assert!(report.done.get(&operation).is_some_and(|count| *count > 0), "nobody did {operation}");
    }
    assert!(report.failed.is_empty(), "{} failed:\n{}", report.failed.len(), report.failed.join("\n"));
}
