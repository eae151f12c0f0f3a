//! How many RPCs each operation makes, held to the table in `docs/calls.md`.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use fanone_tests::{
    Chat, Client, Json as _, Request, Site, clips, markdown, metrics::Calls, pictures, site::SERVICES, tus,
};
use reqwest::Method;
use serde_json::{Value, json};

const TABLE: &str = "docs/calls.md";
/// How long the front believes that a video or a user exists, and a little more.
const CACHE: Duration = Duration::from_millis(10_500);

/// Calls to each service, in the order of the columns.
type Row = [i64; 4];

/// Counts the calls between two looks at the metrics.
struct Meter<'a> {
    site: &'a Site,
    measured: BTreeMap<String, Row>,
}

impl Meter<'_> {
    async fn measure<T>(&mut self, operation: &str, work: impl Future<Output = T>) -> T {
        let before = self.site.metrics().await.calls();
        let done = work.await;
        let after = self.site.metrics().await.calls();
        let row = SERVICES.map(|service| {
            let pair = ("fanone.http".to_owned(), format!("fanone.{service}"));
            after.get(&pair).unwrap_or(&0) - before.get(&pair).unwrap_or(&0)
        });
        assert_eq!(between_services(&after), Calls::new(), "{operation}: a service calls a service");
        self.measured.insert(operation.to_owned(), row);
        done
    }

    async fn success(&mut self, operation: &str, request: Request) -> Value {
        self.measure(operation, request.send()).await.success()
    }
}

fn between_services(calls: &Calls) -> Calls {
    calls
        .iter()
        .filter(|((caller, _), count)| caller != "fanone.http" && **count > 0)
        .map(|(k, v)| (k.clone(), *v))
        .collect()
}

/// The rows of the table in the docs: operation | user | video | interaction | social.
fn documented() -> BTreeMap<String, Row> {
    let row = |cells: Vec<String>| {
        let count = |column: usize| match cells[column].as_str() {
            "" => 0,
            cell => cell.parse().unwrap_or_else(|_| panic!("not a number of calls: {cells:?}")),
        };
        (cells[0].clone(), [count(1), count(2), count(3), count(4)])
    };
    markdown::rows(TABLE).into_iter().map(row).collect()
}

/// As it should stand in the docs, for a message that can be copied.
fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = String::new();
    for (operation, row) in rows {
        let cells = row.map(|count| if count == 0 { " ".to_owned() } else { format!(" {count} ") });
        writeln!(text, "| `{operation}` |{}|", cells.join("|")).unwrap();
    }
    text
}

/// People and things that no operation has touched for longer than the front remembers.
struct World {
    people: Vec<Client>,
    videos: Vec<String>,
    comment: String,
    group: String,
}

impl World {
    async fn make(site: &Site) -> Self {
        let mut people = Vec::new();
        for name in ["alice", "bob", "carol", "dave", "erin", "ivan", "frank", "grace"] {
            people.push(site.user(name).await);
        }
        let (alice, bob, carol, dave) = (&people[0], &people[1], &people[2], &people[3]);
        let mut videos = Vec::new();
        for number in 0..6 {
            videos.push(alice.publish(&format!("video {number}")).await.text("id"));
        }
        // Two rows in every list that is joined with something: one call for all is not one for each.
        for video in [&videos[0], &videos[4]] {
            bob.like_video(video, 1).await.success();
        }
        let comment = bob.comment(&videos[4], "a comment").await.text("id");
        let follows = [
            (carol, alice),
            (carol, bob),
            (alice, dave),
            (bob, dave),
            (alice, bob),
            (bob, alice),
            (alice, carol),
        ];
        for (who, whom) in follows {
            who.follow(&whom.id, 0).await.success();
        }
        let group = alice.create_group("club").await;
        Chat::connect(site, alice).await.say(&people[6], "for later").await;
        tokio::time::sleep(CACHE).await;
        Self { people, videos, comment, group }
    }
}

#[tokio::test]
async fn every_operation_makes_the_calls_of_the_table() {
    // No job must call meanwhile: its calls are no operation's.
    let never = "3600000";
    let site = Site::with(&[("counters.interval_ms", never), ("model.describe_interval_ms", never)]).await;
    let world = World::make(&site).await;
    let mut meter = Meter { site: &site, measured: BTreeMap::new() };

    accounts(&mut meter, &site).await;
    videos(&mut meter, &world).await;
    interactions(&mut meter, &world).await;
    relations(&mut meter, &world).await;
    chat(&mut meter, &world).await;
    upload(&mut meter, &world).await;

    let measured = meter.measured;
    let twice = |(_, row): &(&String, &Row)| row.iter().any(|count| *count > 1);
    let twice: Vec<_> = measured.iter().filter(twice).map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(twice, ["PATCH /upload (last piece)"], "only publishing follows on finding the upload");
    assert!(measured == documented(), "{TABLE} differs from what was measured:\n{}", table(&measured));
    every_described_operation_is_counted(&site, &measured).await;
}

async fn every_described_operation_is_counted(site: &Site, measured: &BTreeMap<String, Row>) {
    let document = site.guest().get("/openapi.json").send().await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.trim_end_matches('/');
        // What is answered without any service: files, and the program's own description.
        if path.is_empty() || ["/media", "/docs", "/openapi.json"].iter().any(|one| path.starts_with(one)) {
            continue;
        }
        let kind = path.split("/{").next().unwrap();
        for method in methods.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            let is_described = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"].contains(&method.as_str());
            let is_counted = measured.keys().any(|one| one.starts_with(&format!("{method} {kind}")));
            assert!(!is_described || is_counted, "{method} {path} is not counted");
        }
    }
}

async fn accounts(meter: &mut Meter<'_>, site: &Site) {
    let guest = site.guest();
    let named = |path: &str| guest.post(path).with("username", "heidi").with("password", "12345678");
    meter.success("POST /user/register", named("/user/register")).await;
    meter.success("POST /user/login", named("/user/login")).await;
    let mut heidi = site.guest();
    heidi.login("heidi", "12345678").await.success();

    meter.success("GET /user/info", guest.get("/user/info").with("user_id", &heidi.id)).await;
    let avatar = heidi.put("/user/avatar/upload").file("me.png", pictures::png(1));
    meter.success("PUT /user/avatar/upload", avatar).await;
    for path in ["/user/image/search", "/image/search"] {
        let search = guest.post(path).file("me.png", pictures::png(1));
        // A vector database has not heard of the avatar yet: nothing is found, at the same price.
        let found = meter.measure(&format!("POST {path}"), search.send()).await;
        assert!(found.is_success() || site.milvus().is_some(), "{}", found.shown());
    }
    // A refused code costs as many calls as a right one.
    meter.success("GET /auth/mfa/qrcode", heidi.get("/auth/mfa/qrcode")).await;
    meter.measure("POST /auth/mfa/bind", heidi.post("/auth/mfa/bind").with("code", "000000").send()).await;
    let unbind = heidi.post("/auth/mfa/unbind").with("code", "000000").with("password", "12345678");
    meter.measure("POST /auth/mfa/unbind", unbind.send()).await;
    let answer = meter.measure("POST /auth/refresh", heidi.post("/auth/refresh").send()).await;
    heidi.take_tokens(&answer);
    meter.success("POST /auth/logout", heidi.post("/auth/logout")).await;
}

async fn videos(meter: &mut Meter<'_>, world: &World) {
    let (alice, videos) = (&world.people[0], &world.videos);
    meter.success("GET /video/feed", alice.get("/video/feed")).await;
    meter.success("GET /video/popular", alice.get("/video/popular")).await;
    meter.success("GET /video/info", alice.get("/video/info").with("video_id", &videos[0])).await;
    let list = alice.get("/video/list").with("user_id", &world.people[0].id).page(0, 10);
    meter.success("GET /video/list", list).await;
    let nothing = alice.get("/video/list").with("user_id", &world.people[2].id).page(0, 10);
    meter.success("GET /video/list (empty)", nothing).await;
    let search = || alice.post("/video/search").with("keywords", "video").page(0, 10);
    meter.success("POST /video/search", search()).await;
    meter.success("POST /video/search (username)", search().with("username", &alice.name)).await;
    meter.success("POST /video/visit", alice.post("/video/visit").with("video_id", &videos[0])).await;
    let publish = alice.post("/video/publish").with("title", "new").file("clip.mp4", clips::clip(1));
    meter.success("POST /video/publish", publish).await;
    meter.success("DELETE /video/delete", alice.delete("/video/delete").with("video_id", &videos[5])).await;
}

async fn interactions(meter: &mut Meter<'_>, world: &World) {
    let (bob, videos) = (&world.people[1], &world.videos);
    let like = || bob.post("/like/action").with("action_type", 1);
    meter.success("POST /like/action (video)", like().with("video_id", &videos[1])).await;
    meter.success("POST /like/action (comment)", like().with("comment_id", &world.comment)).await;
    let liked = bob.get("/like/list").with("user_id", &bob.id).page(0, 10);
    let liked = meter.success("GET /like/list", liked).await;
    assert_eq!(liked.items().len(), 3, "one row to join is no test");
    let nothing = bob.get("/like/list").with("user_id", &world.people[3].id);
    meter.success("GET /like/list (empty)", nothing).await;
    let comment = || bob.post("/comment/publish").with("content", "counted");
    meter.success("POST /comment/publish (video)", comment().with("video_id", &videos[2])).await;
    meter.success("POST /comment/publish (reply)", comment().with("comment_id", &world.comment)).await;
    meter.success("GET /comment/list (video)", bob.get("/comment/list").with("video_id", &videos[3])).await;
    meter
        .success("GET /comment/list (replies)", bob.get("/comment/list").with("comment_id", &world.comment))
        .await;
    meter
        .success("DELETE /comment/delete", bob.delete("/comment/delete").with("comment_id", &world.comment))
        .await;
}

async fn relations(meter: &mut Meter<'_>, world: &World) {
    let [alice, _, carol, dave, erin, ivan, frank, _] = world.people.as_slice() else {
        panic!("enough people")
    };
    let follow = alice.post("/relation/action").with("to_user_id", &erin.id).with("action_type", 0);
    meter.success("POST /relation/action", follow).await;
    let list = |path: &str, of: &Client| alice.get(path).with("user_id", &of.id).page(0, 10);
    let following = meter.success("GET /following/list", list("/following/list", carol)).await;
    let followers = meter.success("GET /follower/list", list("/follower/list", dave)).await;
    meter.success("GET /following/list (empty)", list("/following/list", ivan)).await;
    meter.success("GET /follower/list (empty)", list("/follower/list", frank)).await;
    let friends = meter.success("GET /friends/list", alice.get("/friends/list")).await;
    assert_eq!(
        [following, followers, friends].map(|list| list.items().len()),
        [2, 2, 2],
        "one row to join is no test"
    );
}

async fn chat(meter: &mut Meter<'_>, world: &World) {
    let site = meter.site;
    let [alice, .., frank, grace] = world.people.as_slice() else { panic!("enough people") };
    meter.success("POST /group/create", alice.post("/group/create").with("name", "another")).await;
    meter.success("POST /group/join", frank.post("/group/join").with("group_id", &world.group)).await;
    meter.success("GET /group/list", frank.get("/group/list")).await;
    meter.success("GET /group/members", frank.get("/group/members").with("group_id", &world.group)).await;
    let connected = async {
        let mut chat = Chat::connect(site, frank).await;
        chat.push().await;
        chat
    };
    let mut chat = meter.measure("GET /ws", connected).await;
    let page = |mut target: Value| {
        target["page_num"] = json!(0);
        target["page_size"] = json!(10);
        target
    };
    let group = json!({"group_id": world.group});
    let to_grace = json!({"to_user_id": grace.id, "content": "hi"});
    let to_group = json!({"group_id": world.group, "content": "hi"});
    let sent = meter.measure("chat 1: private message", chat.ask(1, to_grace)).await.success();
    let mark = json!({"user_id": grace.id, "message_id": sent.text("id")});
    let of_alice = json!({"user_id": alice.id});
    for (operation, kind, data) in [
        ("chat 2: private history", 2, page(of_alice.clone())),
        ("chat 3: unread with a user", 3, of_alice),
        ("chat 4: group message", 4, to_group),
        ("chat 5: group history", 5, page(group)),
        ("chat 6: unread summary", 6, json!({})),
        ("chat 7: mark read", 7, mark),
    ] {
        meter.measure(operation, chat.ask(kind, data)).await.success();
    }
    meter.success("POST /group/leave", frank.post("/group/leave").with("group_id", &world.group)).await;
}

async fn upload(meter: &mut Meter<'_>, world: &World) {
    let (alice, file) = (&world.people[0], clips::padded(100_000));
    let create = || alice.tus_create(100_000, "title dHVz").send();
    let url = tus::location(&meter.measure("POST /upload", create()).await);
    meter.measure("HEAD /upload", alice.tus(Method::HEAD, &url).send()).await;
    let first = alice.tus_patch(&url, 0, file[..50_000].to_vec());
    meter.measure("PATCH /upload", first.send()).await;
    let last = alice.tus_patch(&url, 50_000, file[50_000..].to_vec());
    let done = meter.measure("PATCH /upload (last piece)", last.send()).await;
    assert_eq!(done.status, 204, "{}", done.shown());
    let url = tus::location(&create().await);
    meter.measure("DELETE /upload", alice.tus_terminate(&url)).await;
}

#[tokio::test]
async fn the_call_graph_of_the_services_goes_one_way() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let video = alice.publish("busy").await.text("id");
    bob.like_video(&video, 1).await.success();
    bob.comment(&video, "busy").await;
    bob.follow(&alice.id, 0).await.success();
    let expected = [("interaction", "video"), ("social", "user"), ("video", "user")];
    let calls = fanone_tests::eventually("counters travel", async || {
        let calls = site.metrics().await.calls();
        let is_there = |(from, to): &(&str, &str)| {
            calls.contains_key(&(format!("fanone.{from}"), format!("fanone.{to}")))
        };
        if expected.iter().all(is_there) { Ok(calls) } else { Err(format!("{calls:?}")) }
    })
    .await;
    // Downhill only: with such an order of all services no call can come back to where it started.
    const ORDER: [&str; 5] =
        ["fanone.http", "fanone.interaction", "fanone.social", "fanone.video", "fanone.user"];
    let place =
        |name: &str| ORDER.iter().position(|one| *one == name).unwrap_or_else(|| panic!("who is `{name}`?"));
    for (caller, callee) in calls.keys().filter(|(caller, callee)| caller != callee) {
        assert!(place(caller) < place(callee), "{caller} calls {callee}");
    }
}
