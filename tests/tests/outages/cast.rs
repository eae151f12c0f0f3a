//! People and things for one run through all operations. Nobody has asked for them for longer than the fronts remember.

use fanone_tests::{Answer, Chat, Client, Json as _, Request, Site, clips, pictures, tus, unique};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The size of an upload that is sent in two pieces.
const UPLOAD: usize = 100_000;

/// Who and what the operations are about.
pub(crate) struct Cast {
    alice: Client,
    bob: Client,
    /// Has nothing and follows nobody.
    carol: Client,
    /// Logs out.
    dave: Client,
    site: String,
    video: Value,
    doomed: String,
    comment: String,
    group: String,
    /// Without a byte, to look at and to remove.
    uploads: [String; 2],
    /// Of the one that is to grow, and of the one whose last piece is missing.
    pieces: [String; 2],
    chat: Mutex<Chat>,
}

/// What an operation came to: its HTTP status, 0 where nobody answered, and its code, 0 where there is none.
pub(crate) type Outcome = (u16, i64);

impl Cast {
    /// A new one.
    pub(crate) async fn make(site: &Site) -> Self {
        let [alice, bob, carol, dave] =
            join_all(["alice", "bob", "carol", "dave"].map(|name| site.user(name)))
                .await
                .try_into()
                .expect("four people");
        alice.put("/user/avatar/upload").file("me.png", pictures::png(7)).send().await.success();
        let video = alice.publish("a title").await;
        let doomed = alice.publish("doomed").await.text("id");
        let comment = bob.comment(&video.text("id"), "a comment").await.text("id");
        alice.reply(&comment, "a reply").await;
        bob.like_video(&video.text("id"), 1).await.success();
        for (who, whom) in [(&alice, &bob), (&bob, &alice), (&dave, &bob)] {
            who.follow(&whom.id, 0).await.success();
        }
        let group = alice.create_group(&unique("club")).await;
        bob.join_group(&group).await;
        let create = async || tus::location(&alice.tus_create(UPLOAD as u64, "title dHVz").send().await);
        let uploads = [create().await, create().await];
        let pieces = [create().await, create().await];
        let first = alice.tus_patch(&pieces[1], 0, clips::padded(UPLOAD as u64)[..UPLOAD / 2].to_vec());
        assert_eq!(first.send().await.status, 204);
        let chat = Mutex::new(Chat::connect(site, &alice).await);
        let site = site.http_address();
        Self { alice, bob, carol, dave, site, video, doomed, comment, group, uploads, pieces, chat }
    }

    /// Does `operation`, named as in `docs/outages.md`.
    pub(crate) async fn run(&self, operation: &str) -> Outcome {
        if operation.starts_with("chat ") {
            return self.say(operation).await;
        }
        if operation == "GET /ws" {
            return match Chat::try_connect_at(&self.site, &self.alice).await {
                Ok(_) => (101, 0),
                Err(status) => (status, 0),
            };
        }
        let requests = [Self::account, Self::video, Self::interaction, Self::relation, Self::upload];
        let request = requests.iter().find_map(|requests| requests(self, operation));
        let request = request.unwrap_or_else(|| panic!("how does one {operation}?"));
        request.try_send().await.map_or_else(
            |error| {
                println!("{operation}: {error:?}");
                (0, 0)
            },
            |answer| outcome(&answer),
        )
    }

    /// Who has published and uploads.
    pub(crate) fn alice(&self) -> &Client {
        &self.alice
    }

    fn account(&self, operation: &str) -> Option<Request> {
        let guest = self.alice.logged_out();
        let with_password = |path: &str, name: &str| {
            guest.post(path).with("username", name).with("password", fanone_tests::client::PASSWORD)
        };
        // A picture or a file is made only for who sends it: this is asked for every request.
        let picture = || pictures::png(7);
        Some(match operation {
            "POST /user/register" => with_password("/user/register", &unique("new")),
            "POST /user/login" => with_password("/user/login", &self.alice.name),
            "POST /auth/refresh" => self.carol.post("/auth/refresh"),
            "POST /auth/logout" => self.dave.post("/auth/logout"),
            "GET /auth/mfa/qrcode" => self.alice.get("/auth/mfa/qrcode"),
            "POST /auth/mfa/bind" => self.bob.post("/auth/mfa/bind").with("code", "000000"),
            "POST /auth/mfa/unbind" => {
                self.bob.post("/auth/mfa/unbind").with("code", "000000").with("password", "12345678")
            }
            "GET /user/info" => guest.get("/user/info").with("user_id", &self.alice.id),
            "PUT /user/avatar/upload" => self.bob.put("/user/avatar/upload").file("me.png", picture()),
            "POST /user/image/search" => self.bob.post("/user/image/search").file("it.png", picture()),
            "POST /image/search" => self.bob.post("/image/search").file("it.png", picture()),
            _ => return None,
        })
    }

    fn video(&self, operation: &str) -> Option<Request> {
        let (alice, id) = (&self.alice, self.video.text("id"));
        let list = |of: &Client| alice.get("/video/list").with("user_id", &of.id).page(0, 10);
        let search = || alice.post("/video/search").with("keywords", "title").page(0, 10);
        Some(match operation {
            "GET /media (file of a video)" => alice.get(&self.video.text("video_url")),
            "GET /video/feed" => alice.get("/video/feed"),
            "GET /video/popular" => alice.get("/video/popular").page(0, 10),
            "GET /video/info" => alice.get("/video/info").with("video_id", id),
            "GET /video/list" => list(alice),
            "GET /video/list (empty)" => list(&self.carol),
            "POST /video/search" => search(),
            "POST /video/search (username)" => search().with("username", &alice.name),
            "POST /video/visit" => alice.post("/video/visit").with("video_id", id),
            "POST /video/publish" => {
                alice.post("/video/publish").with("title", "new").file("clip.mp4", clips::clip(1))
            }
            "DELETE /video/delete" => alice.delete("/video/delete").with("video_id", &self.doomed),
            _ => return None,
        })
    }

    fn interaction(&self, operation: &str) -> Option<Request> {
        let (bob, video) = (&self.bob, self.video.text("id"));
        let like = || bob.post("/like/action").with("action_type", 1);
        let comment = || bob.post("/comment/publish").with("content", "another");
        Some(match operation {
            "POST /like/action (video)" => like().with("video_id", video),
            "POST /like/action (comment)" => like().with("comment_id", &self.comment),
            "GET /like/list" => bob.get("/like/list").with("user_id", &bob.id),
            "GET /like/list (empty)" => bob.get("/like/list").with("user_id", &self.carol.id),
            "POST /comment/publish (video)" => comment().with("video_id", video),
            "POST /comment/publish (reply)" => comment().with("comment_id", &self.comment),
            "GET /comment/list (video)" => bob.get("/comment/list").with("video_id", video),
            "GET /comment/list (replies)" => bob.get("/comment/list").with("comment_id", &self.comment),
            "DELETE /comment/delete" => {
                self.carol.delete("/comment/delete").with("comment_id", &self.comment)
            }
            _ => return None,
        })
    }

    fn relation(&self, operation: &str) -> Option<Request> {
        let (alice, carol) = (&self.alice, &self.carol);
        let list = |path: &str, of: &Client| alice.get(path).with("user_id", &of.id).page(0, 10);
        let follow = || alice.post("/relation/action").with("action_type", 0);
        let group = |who: &Client, path: &str| who.post(path).with("group_id", &self.group);
        Some(match operation {
            "POST /relation/action" => follow().with("to_user_id", &self.dave.id),
            "GET /following/list" => list("/following/list", &self.bob),
            "GET /following/list (empty)" => list("/following/list", carol),
            "GET /follower/list" => list("/follower/list", &self.bob),
            "GET /follower/list (empty)" => list("/follower/list", carol),
            "GET /friends/list" => alice.get("/friends/list"),
            "POST /group/create" => alice.post("/group/create").with("name", unique("group")),
            "POST /group/join" => group(carol, "/group/join"),
            "POST /group/leave" => group(&self.bob, "/group/leave"),
            "GET /group/list" => alice.get("/group/list"),
            "GET /group/members" => alice.get("/group/members").with("group_id", &self.group),
            _ => return None,
        })
    }

    fn upload(&self, operation: &str) -> Option<Request> {
        let (alice, file) = (&self.alice, || clips::padded(UPLOAD as u64));
        let half = UPLOAD / 2;
        Some(match operation {
            "POST /upload" => alice.tus_create(UPLOAD as u64, "title dHVz"),
            "HEAD /upload" => alice.tus(Method::HEAD, &self.uploads[0]),
            "PATCH /upload" => alice.tus_patch(&self.pieces[0], 0, file()[..half].to_vec()),
            "PATCH /upload (last piece)" => {
                alice.tus_patch(&self.pieces[1], half as u64, file()[half..].to_vec())
            }
            "DELETE /upload" => alice.tus(Method::DELETE, &self.uploads[1]),
            _ => return None,
        })
    }

    async fn say(&self, operation: &str) -> Outcome {
        let page = |mut target: Value| {
            target["page_num"] = json!(0);
            target["page_size"] = json!(10);
            target
        };
        let (with_bob, group) = (json!({"user_id": self.bob.id}), json!({"group_id": self.group}));
        let (kind, data) = match operation {
            "chat 1: private message" => (1, json!({"to_user_id": self.carol.id, "content": "hi"})),
            "chat 2: private history" => (2, page(with_bob)),
            "chat 3: unread with a user" => (3, with_bob),
            "chat 4: group message" => (4, json!({"group_id": self.group, "content": "hi"})),
            "chat 5: group history" => (5, page(group)),
            "chat 6: unread summary" => (6, json!({})),
            "chat 7: mark read" => (7, json!({"user_id": self.bob.id, "message_id": "1"})),
            other => panic!("how does one {other}?"),
        };
        let mut chat = self.chat.lock().await;
        match chat.try_ask(kind, data.clone()).await {
            Some(reply) => (101, reply.code()),
            // The front has sent everybody elsewhere; who chats comes again, and says again what was not answered.
            None => match Chat::try_connect_at(&self.site, &self.alice).await {
                Err(status) => (status, 0),
                Ok(again) => {
                    *chat = again;
                    chat.try_ask(kind, data).await.map_or((0, 0), |reply| (101, reply.code()))
                }
            },
        }
    }
}

pub(crate) fn outcome(answer: &Answer) -> Outcome {
    let code = answer.json().pointer("/base/code").and_then(Value::as_i64);
    (answer.status, code.unwrap_or_default())
}
