//! `fanone shard move`: a part of every service's rows goes to another database, and nothing is lost or counted twice.

use std::{collections::BTreeMap, env};

use fanone_base::Id;
use fanone_tests::{Chat, Client, Json as _, Site, eventually, site::SERVICES};
use futures::future::join_all;
use serde_json::{Value, json};

const FIRST: u16 = 200;
const LAST: u16 = 900;

/// The shards of a service: name of the file and buckets.
fn shards(service: &str, shards: &[(&str, &str)]) -> String {
    let shard = |(name, buckets): &(&str, &str)| {
        format!("{{ buckets = '{buckets}', urls = ['sqlite:data/{service}-{name}.db'] }}")
    };
    format!("[{}]", shards.iter().map(shard).collect::<Vec<_>>().join(", "))
}

fn before(service: &str) -> String {
    shards(service, &[("a", "0-511"), ("b", "512-1023")])
}

fn after(service: &str) -> String {
    shards(service, &[("a", "0-199"), ("b", "901-1023"), ("c", "200-900")])
}

/// Two processes of a role would not share a file; moves on servers are tested with the store.
fn has_files() -> bool {
    let other =
        |name: &str, usual: &[&str]| env::var(name).is_ok_and(|value| !usual.contains(&value.as_str()));
    !other("FANONE_TEST_WORLD", &["embedded"]) && !other("FANONE_TEST_FORM", &["one", "five"])
}

fn is_moved(user: &Client) -> bool {
    let id: Id = user.id.parse().unwrap();
    (FIRST..=LAST).contains(&id.bucket().number())
}

/// Users whose rows move and users whose rows stay, each with a video, and what there can be between them.
struct Crowd {
    users: Vec<Client>,
    videos: Vec<String>,
    group: String,
}

impl Crowd {
    async fn settle(site: &Site) -> Self {
        let mut users: Vec<Client> = Vec::new();
        while users.len() < 6 {
            let user = site.user("mover").await;
            let alike = users.iter().filter(|other| is_moved(other) == is_moved(&user)).count();
            if alike < 3 {
                users.push(user);
            }
        }
        let mut videos = Vec::new();
        for user in &users {
            videos.push(user.publish(&format!("by {}", user.name)).await.text("id"));
        }
        let group = users[0].create_group("movers").await;
        for (place, user) in users.iter().enumerate() {
            let next = &users[(place + 1) % users.len()];
            user.follow(&next.id, 0).await.success();
            user.join_group(&group).await;
            let comment = user.comment(&videos[(place + 2) % videos.len()], "nice").await.text("id");
            next.like_comment(&comment, 1).await.success();
            let mut chat = Chat::connect(site, user).await;
            chat.say(next, "hello").await;
            chat.say_to_group(&group, "hello, all").await;
        }
        Self { users, videos, group }
    }

    /// Everybody likes (or with `action` 2 no longer likes) every video, all at once.
    async fn like_all(&self, action: u8) {
        let likes = self
            .users
            .iter()
            .flat_map(|user| self.videos.iter().map(move |video| user.like_video(video, action)));
        join_all(likes).await.iter().for_each(|answer| _ = answer.success());
    }

    /// All that anybody can see.
    async fn look(&self, site: &Site) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        let mut see = |what: &str, of: &str, value: Value| seen.insert(format!("{what} {of}"), value);
        for (user, video) in self.users.iter().zip(&self.videos) {
            see("user", &user.name, user.user_info(&user.id).await);
            see("video", &user.name, user.video_info(video).await);
            for path in ["/video/list", "/like/list", "/following/list", "/follower/list"] {
                let list = user.get(path).with("user_id", &user.id).page(0, 100).send().await;
                see(path, &user.name, list.success());
            }
            let comments = user.get("/comment/list").with("video_id", video).page(0, 100).send().await;
            see("comments", &user.name, comments.success());
            let mut chat = Chat::connect(site, user).await;
            see("unread", &user.name, chat.ask(6, json!({})).await.success());
            let page = json!({"group_id": self.group, "page_num": 0, "page_size": 100});
            see("group", &user.name, chat.ask(5, page).await.success());
        }
        let feed = self.users[0].get("/video/popular").page(0, 100).send().await.success();
        see("popular", "", feed);
        seen
    }

    /// Waits until every count is right when each video has `likes` likes.
    async fn eventually_counted(&self, likes: i64) {
        for (user, video) in self.users.iter().zip(&self.videos) {
            eventually("everything is counted", async || {
                let (video, user) = (user.video_info(video).await, user.user_info(&user.id).await);
                let counts = [
                    video.count("like_count"),
                    video.count("comment_count"),
                    user.count("like_count"),
                    user.count("video_count"),
                    user.count("following_count"),
                    user.count("follower_count"),
                ];
                if counts == [likes, 1, likes, 1, 1, 1] { Ok(()) } else { Err(format!("{counts:?}")) }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_part_of_every_service_moves_and_the_site_goes_on_as_if_nothing_had_happened() {
    if !has_files() {
        return;
    }
    let keys = SERVICES.map(|service| format!("{service}.database"));
    let old: Vec<(&str, String)> =
        keys.iter().zip(SERVICES).map(|(key, service)| (key.as_str(), before(service))).collect();
    let settings: Vec<(&str, &str)> = old.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut site = Site::with(&settings).await;
    let crowd = Crowd::settle(&site).await;
    crowd.like_all(1).await;
    crowd.eventually_counted(6).await;
    let seen = crowd.look(&site).await;
    // The site ends while likes are on their way.
    crowd.like_all(2).await;
    crowd.like_all(1).await;
    site.kill().await;

    for service in SERVICES {
        let to = format!("sqlite:data/{service}-c.db");
        let moved = site.command_output(&["shard", "move", service, "200-900", "--to", &to]).await;
        let (told, progress) =
            (String::from_utf8_lossy(&moved.stdout), String::from_utf8_lossy(&moved.stderr));
        assert!(moved.status.success(), "{told}{progress}");
        for part in ["\"0-199\"", "\"901-1023\"", "\"200-900\"", &to] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(progress.contains("copied") && progress.contains("deleted"), "{progress}");
    }
    let refused = site.command_output(&[]).await;
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && why.contains("fanone shard move"), "{why}");

    for (key, service) in keys.iter().zip(SERVICES) {
        site.set(key, &after(service));
    }
    site.launch().await;
    crowd.eventually_counted(6).await;
    let found = crowd.look(&site).await;
    for (what, value) in &seen {
        assert_eq!(without_order_of_likes(&found[what]), without_order_of_likes(value), "{what}");
    }
    crowd.like_all(2).await;
    crowd.like_all(2).await;
    crowd.eventually_counted(0).await;
    crowd.like_all(1).await;
    crowd.eventually_counted(6).await;
}

/// Everything was liked anew just before the end, so that the likes have another order.
fn without_order_of_likes(value: &Value) -> Vec<String> {
    let mut items: Vec<String> = match value.get("items").and_then(Value::as_array) {
        Some(items) => items.iter().map(Value::to_string).collect(),
        None => vec![value.to_string()],
    };
    items.sort_unstable();
    items
}
