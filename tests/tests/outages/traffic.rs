//! Visitors who never stop, at a steady rate, over all operations.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fanone_tests::{Answer, Json as _, Request, Site, client::PASSWORD, clips, tus, unique};
use reqwest::Method;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    cast::{Cast, Outcome, outcome},
    table::documented,
};

/// Requests a second.
const RATE: u32 = 500;
/// More are not under way: a machine that can't do the rate does less.
const UNDER_WAY_MAX: usize = 128;
/// Codes of what the site could not do.
const FAULTS: [i64; 3] = [10001, 10005, 10006];
/// Each of these costs as much as a hundred others: one of them for so many requests.
const SELDOM: usize = 100;
const COSTLY: [&str; 10] = [
    "POST /user/register",
    "POST /user/login",
    "POST /auth/refresh",
    "GET /auth/mfa/qrcode",
    "PUT /user/avatar/upload",
    "POST /image/search",
    "POST /user/image/search",
    "POST /video/publish",
    UPLOAD_STORY,
    VISITOR_STORY,
];
const UPLOAD_STORY: &str = "an upload from beginning to end";
const VISITOR_STORY: &str = "somebody who comes and goes";
/// Are parts of a story: they end what they are about.
const STORIES: [&str; 7] = [
    "POST /auth/logout",
    "DELETE /video/delete",
    "POST /upload",
    "HEAD /upload",
    "PATCH /upload",
    "PATCH /upload (last piece)",
    "DELETE /upload",
];

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Report {
    /// How many of each operation.
    pub(crate) done: BTreeMap<String, u64>,
    pub(crate) failed: Vec<String>,
    pub(crate) took: Duration,
}

impl Report {
    /// All of them.
    pub(crate) fn count(&self) -> u64 {
        self.done.values().sum()
    }

    fn note(&mut self, operation: String, at: Duration, outcome: Outcome) {
        // A like that is there already is refused, and so is much else: the site has answered.
        let is_answered = matches!(outcome.0, 101 | 200 | 201 | 204);
        if !is_answered || FAULTS.contains(&outcome.1) {
            self.failed.push(format!("{operation} after {at:?}: {outcome:?}"));
        }
        *self.done.entry(operation).or_default() += 1;
    }
}

/// Visitors at work.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    report: JoinHandle<Report>,
}

impl Traffic {
    /// Begins.
    pub(crate) async fn begin(site: &Site) -> Self {
        let mut casts = Vec::new();
        for _ in 0..4 {
            casts.push(Arc::new(Cast::make(site).await));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let report = tokio::spawn(drive(casts, Arc::clone(&stop)));
        Self { stop, report }
    }

    /// Ends.
    pub(crate) async fn end(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.report.await.expect("the visitors come to an end")
    }
}

async fn drive(casts: Vec<Arc<Cast>>, stop: Arc<AtomicBool>) -> Report {
    let common: Vec<String> = documented()
        .operations
        .into_iter()
        .filter(|name| !COSTLY.contains(&name.as_str()) && !STORIES.contains(&name.as_str()))
        .collect();
    let (tell, mut told) = mpsc::unbounded_channel();
    let (begun, room) = (Instant::now(), Arc::new(Semaphore::new(UNDER_WAY_MAX)));
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let permit = Arc::clone(&room).acquire_owned().await.expect("room");
        let cast = Arc::clone(&casts[number % casts.len()]);
        let name = match number % SELDOM {
            0 => COSTLY[number / SELDOM % COSTLY.len()].to_owned(),
            _ => common[number % common.len()].clone(),
        };
        let tell = tell.clone();
        tokio::spawn(async move {
            let at = begun.elapsed();
            let outcomes = match name.as_str() {
                UPLOAD_STORY => cast.upload_story().await,
                VISITOR_STORY => cast.visitor_story().await,
                _ => vec![(name.clone(), cast.run(&name).await)],
            };
            for (operation, outcome) in outcomes {
                tell.send((operation, at, outcome)).expect("somebody listens to the end");
            }
            drop(permit);
        });
        number += 1;
    }
    drop(tell);
    let mut report = Report { took: begun.elapsed(), ..Report::default() };
    while let Some((operation, at, outcome)) = told.recv().await {
        report.note(operation, at, outcome);
    }
    report
}

impl Cast {
    /// An upload that is made, looked at, filled and published; and one that is given up.
    async fn upload_story(&self) -> Vec<(String, Outcome)> {
        const SIZE: usize = 60_000;
        let (alice, file) = (self.alice(), clips::padded(SIZE as u64));
        let mut story = Story::default();
        for gives_up in [false, true] {
            let created = story.step("POST /upload", alice.tus_create(SIZE as u64, "title dHVz")).await;
            let Some(created) = created.filter(|answer| answer.status == 201) else { break };
            let url = tus::location(&created);
            story.step("HEAD /upload", alice.tus(Method::HEAD, &url)).await;
            story.step("PATCH /upload", alice.tus_patch(&url, 0, file[..SIZE / 2].to_vec())).await;
            if gives_up {
                story.step("DELETE /upload", alice.tus(Method::DELETE, &url)).await;
            } else {
                let rest = alice.tus_patch(&url, SIZE as u64 / 2, file[SIZE / 2..].to_vec());
                story.step("PATCH /upload (last piece)", rest).await;
            }
        }
        story.0
    }

    /// Somebody who comes, publishes a video, takes it down again and goes.
    async fn visitor_story(&self) -> Vec<(String, Outcome)> {
        let (mut visitor, name) = (self.alice().logged_out(), unique("visitor"));
        let mut story = Story::default();
        let with_password = |request: Request| request.with("username", &name).with("password", PASSWORD);
        story.step("POST /user/register", with_password(visitor.post("/user/register"))).await;
        let login = story.step("POST /user/login", with_password(visitor.post("/user/login"))).await;
        let Some(login) = login.filter(Answer::is_success) else { return story.0 };
        visitor.take_tokens(&login);
        visitor.id = login.success().text("id");
        let publish = visitor.post("/video/publish").with("title", "for a moment");
        story.step("POST /video/publish", publish.file("clip.mp4", clips::clip(1))).await;
        let list = visitor.get("/video/list").with("user_id", &visitor.id).page(0, 10);
        let list = story.step("GET /video/list", list).await;
        if let Some(list) = list.filter(Answer::is_success) {
            for id in list.success().texts("id") {
                let delete = visitor.delete("/video/delete").with("video_id", id);
                story.step("DELETE /video/delete", delete).await;
            }
        }
        story.step("POST /auth/logout", visitor.post("/auth/logout")).await;
        story.0
    }
}

#[derive(Default)]
struct Story(Vec<(String, Outcome)>);

impl Story {
    async fn step(&mut self, operation: &str, request: Request) -> Option<Answer> {
        let answer = request.try_send().await.map_err(|error| println!("{operation}: {error:?}")).ok();
        let outcome = answer.as_ref().map_or((0, 0), outcome);
        self.0.push((operation.to_owned(), outcome));
        answer
    }
}
