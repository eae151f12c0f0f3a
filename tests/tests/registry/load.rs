//! Visitors who never stop, and count what fails.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use fanone_tests::{Client, Json as _, Site};
use tokio::task::JoinHandle;

/// Some visitors at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    visitors: Vec<JoinHandle<Vec<String>>>,
    begun: usize,
}

impl Load {
    /// Begins with reads and writes, of each kind by two visitors.
    pub(crate) async fn begin(site: &Site) -> Self {
        let (alice, bob) = (site.user("alice").await, site.user("bob").await);
        let video = alice.publish("watched").await.text("id");
        let stop = Arc::new(AtomicBool::new(false));
        let visitors = (0..4).map(|number| {
            let (visitor, video, stop) = (bob.clone(), video.clone(), Arc::clone(&stop));
            tokio::spawn(async move { visit(number, &visitor, &video, &stop).await })
        });
        let visitors: Vec<_> = visitors.collect();
        Self { stop, begun: visitors.len(), visitors }
    }

    /// Ends it: what failed.
    pub(crate) async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for visitor in self.visitors {
            failed.extend(visitor.await.expect("a visitor comes to an end"));
        }
        assert!(self.begun > 0);
        failed
    }
}

async fn visit(number: usize, visitor: &Client, video: &str, stop: &AtomicBool) -> Vec<String> {
    let mut failed = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let answer = if number < 2 {
            visitor.get("/video/info").with("video_id", video).send().await
        } else {
            visitor.like_video(video, 1).await
        };
        // A like that is there already is refused, by the service.
        if answer.status >= 500 {
            failed.push(answer.shown());
        }
    }
    failed
}
