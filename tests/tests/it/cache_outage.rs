//! Redis is ended, cut off, stalled or slow. Only where there is a Redis.

use std::time::{Duration, Instant};

use fanone_tests::{
    Answer, Chat, Client, Code, Json as _, Site, clips, eventually, pictures, relay::Mode, tus, unique,
    world::World,
};
use futures::future::join_all;
use serde_json::json;

/// No request may take longer, although the cache does not answer it.
const DEADLINE: Duration = Duration::from_secs(5);
/// The site's own patience with its cache, as by default.
const SETTINGS: [(&str, &str); 2] = [("cache.timeout_ms", "250"), ("identity.access_ttl_s", "86400")];

/// What is wrong with Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    Ended,
    Cut,
    Stalled,
    /// Answers, but hardly in time.
    Slow,
    /// Answers after everybody has given up.
    TooSlow,
}

impl Outage {
    async fn begin(self, site: &mut Site) {
        match self {
            Self::Ended => site.stop_redis().await,
            Self::Cut => site.set_way_to("redis", Mode::Refuse),
            Self::Stalled => site.set_way_to("redis", Mode::Stall),
            Self::Slow => site.set_way_to("redis", Mode::Slow(Duration::from_millis(60))),
            Self::TooSlow => site.set_way_to("redis", Mode::Slow(Duration::from_millis(500))),
        }
    }

    fn end(self, site: &mut Site) {
        match self {
            Self::Ended => site.start_redis(),
            _ => site.set_way_to("redis", Mode::Pass),
        }
    }
}

/// Holds every answer to the deadline.
struct Watch {
    during: Outage,
    slowest: (Duration, String),
}

impl Watch {
    async fn on(&mut self, work: impl Future<Output = Answer>) -> Answer {
        let begun = Instant::now();
        let answer = work.await;
        let took = begun.elapsed();
        assert!(took < DEADLINE, "{:?}: {} took {took:?}", self.during, answer.request);
        assert!(answer.status < 500, "{:?}: {}", self.during, answer.shown());
        if took > self.slowest.0 {
            self.slowest = (took, answer.request.clone());
        }
        answer
    }

    async fn reads(&mut self, user: &Client, video: &str) {
        for path in
            ["/video/feed", "/like/list", "/following/list", "/follower/list", "/friends/list", "/group/list"]
        {
            self.on(user.get(path).with("user_id", &user.id).page(0, 10).send()).await.success();
        }
        self.on(user.get("/video/popular").page(0, 10).send()).await.success();
        self.on(user.get("/video/info").with("video_id", video).send()).await.success();
        self.on(user.get("/user/info").with("user_id", &user.id).send()).await.success();
        self.on(user.get("/comment/list").with("video_id", video).page(0, 10).send()).await.success();
        self.on(user.post("/video/search").with("keywords", "meanwhile").page(0, 10).send()).await.success();
        self.on(user.post("/image/search").file("it.png", pictures::png(1)).send()).await.success();
        let file = user.video_info(video).await.text("video_url");
        assert_eq!(self.on(user.get(&file).send()).await.status, 200);
    }

    async fn writes(&mut self, user: &Client, video: &str) {
        self.on(user.like_video(video, 1)).await.success();
        self.on(user.like_video(video, 2)).await.success();
        let comment = user.post("/comment/publish").with("video_id", video).with("content", "meanwhile");
        self.on(comment.send()).await.success();
        let publish = user.post("/video/publish").with("title", "meanwhile");
        self.on(publish.file("clip.mp4", clips::clip(2)).send()).await.success();
        self.on(user.put("/user/avatar/upload").file("me.png", pictures::png(2)).send()).await.success();
        self.on(user.post("/group/create").with("name", unique("group")).send()).await.success();
        let created = self.on(user.tus_create(100_000, "title dHVz").send()).await;
        let (url, file) = (tus::location(&created), clips::padded(100_000));
        let first = user.tus_patch(&url, 0, file[..50_000].to_vec());
        assert_eq!(self.on(first.send()).await.status, 204);
        let last = user.tus_patch(&url, 50_000, file[50_000..].to_vec());
        assert_eq!(self.on(last.send()).await.status, 204);
    }

    async fn sessions(&mut self, site: &Site) {
        let (mut user, name) = (site.guest(), unique("new"));
        let register = user.post("/user/register").with("username", &name);
        self.on(register.with("password", fanone_tests::client::PASSWORD).send()).await.success();
        user.login(&name, fanone_tests::client::PASSWORD).await.success();
        let renewed = self.on(user.post("/auth/refresh").send()).await;
        renewed.success();
        user.take_tokens(&renewed);
        self.on(user.get("/auth/mfa/qrcode").send()).await.success();
        self.on(user.post("/auth/logout").send()).await.success();
    }
}

#[tokio::test]
async fn without_redis_everything_is_answered_in_time_and_nothing_is_stale_when_it_is_back() {
    if World::of_run() == World::Embedded {
        return;
    }
    let mut site = Site::with(&SETTINGS).await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("meanwhile").await.text("id");
    for outage in [Outage::Ended, Outage::Cut, Outage::Stalled, Outage::Slow, Outage::TooSlow] {
        let doomed = alice.publish("doomed").await.text("id");
        bob.like_video(&doomed, 1).await.success();
        outage.begin(&mut site).await;

        let mut watch = Watch { during: outage, slowest: (Duration::ZERO, String::new()) };
        watch.reads(&bob, &video).await;
        watch.writes(&bob, &video).await;
        watch.sessions(&site).await;
        let mut chat = Chat::connect(&site, &bob).await;
        chat.say(&alice, "stored all the same").await;
        println!("{outage:?}: the slowest was {} after {:?}", watch.slowest.1, watch.slowest.0);

        watch.on(bob.like_video(&video, 1)).await.success();
        watch.on(alice.delete("/video/delete").with("video_id", &doomed).send()).await.success();
        is_seen(&bob, &video, 1).await;
        outage.end(&mut site);
        assert_fresh(&site, &bob, &video, &doomed).await;
        assert_pushed(&site, &alice, &bob).await;

        bob.like_video(&video, 2).await.success();
        is_seen(&bob, &video, 0).await;
    }
}

async fn is_seen(reader: &Client, video: &str, likes: i64) {
    eventually("the count has travelled", async || {
        // Everywhere: processes take turns.
        for _ in 0..6 {
            let seen = reader.video_info(video).await.count("like_count");
            if seen != likes {
                return Err(seen.to_string());
            }
        }
        Ok(())
    })
    .await;
}

/// What changed while Redis was away is to be seen from the first moment on, and stays so.
async fn assert_fresh(site: &Site, reader: &Client, video: &str, deleted: &str) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(reader.video_info(video).await.count("like_count"), 1, "after {:?}", begun.elapsed());
        reader.get("/video/info").with("video_id", deleted).send().await.refused(Code::VideoNotFound);
        for list in ["/video/feed", "/video/popular"] {
            let rows = site.guest().get(list).page(0, 50).send().await.success();
            assert!(!rows.texts("id").iter().any(|id| id == deleted), "{list} after {:?}", begun.elapsed());
            let row = rows.items().into_iter().find(|row| row.text("id") == video);
            assert_eq!(row.unwrap().count("like_count"), 1, "{list} after {:?}", begun.elapsed());
        }
    }
}

async fn assert_pushed(site: &Site, from: &Client, to: &Client) {
    let mut receiver = Chat::connect(site, to).await;
    let mut sender = Chat::connect(site, from).await;
    let sent = sender.say(to, &unique("pushed again")).await;
    while receiver.push().await != sent {}
    receiver.ask(3, json!({"user_id": from.id})).await.success();
}

#[tokio::test]
async fn limits_stay_in_force_without_redis() {
    if World::of_run() == World::Embedded {
        return;
    }
    const LIMIT: usize = 20;
    let limit = LIMIT.to_string();
    let settings =
        [("limits.enabled", "true"), ("limits.requests_per_ip", &limit), ("cache.timeout_ms", "250")];
    let mut site = Site::with(&settings).await;
    for outage in [Outage::Ended, Outage::Cut, Outage::Stalled] {
        outage.begin(&mut site).await;
        let guest = site.guest();
        let flood = join_all((0..10 * LIMIT).map(|_| guest.get("/video/feed").send())).await;
        let refused = flood.iter().filter(|answer| answer.status == 429).count();
        assert!(refused > 0, "{outage:?}: a flood of {} requests is let through", flood.len());
        outage.end(&mut site);
    }
}
