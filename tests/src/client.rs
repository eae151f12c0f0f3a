//! Somebody at the site: a guest, or a user with tokens.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::{Answer, Json as _, Request, clips};

/// The password of every user that a test doesn't give another.
pub const PASSWORD: &str = "correct horse battery";

/// Somebody at the site. Empty tokens are not sent.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    site: String,
    /// The user's id; empty for a guest.
    pub id: String,
    /// The user's name; empty for a guest.
    pub name: String,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Client {
    /// `reuses_connections`: as browsers do.
    pub(crate) fn guest(site: String, reuses_connections: bool) -> Self {
        let mut http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        if reuses_connections {
            // Less than `http.leave_ms`: what is kept for longer may end while it is taken.
            http = http.pool_idle_timeout(Duration::from_millis(300));
        } else {
            http = http.pool_max_idle_per_host(0);
        }
        let http = http.build().expect("a client without TLS");
        let empty = String::new;
        Self { http, site, id: empty(), name: empty(), access: empty(), refresh: empty() }
    }

    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// The same somebody at one of several fronts: `host:port`.
    pub fn at(&self, front: &str) -> Self {
        Self { site: format!("http://{front}"), ..self.clone() }
    }

    /// A request of any method. `path` may be a whole URL of the site.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.site) };
        Request::new(self, method, url)
    }

    /// GET.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// HEAD.
    pub fn head(&self, path: &str) -> Request {
        self.request(Method::HEAD, path)
    }

    /// POST.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// PUT.
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Registers `name` with [`PASSWORD`] and becomes that user.
    pub async fn register_and_login(&mut self, name: &str) {
        self.register(name, PASSWORD).await.success();
        self.login(name, PASSWORD).await.success();
    }

    /// Registers.
    pub async fn register(&self, name: &str, password: &str) -> Answer {
        self.post("/user/register").with("username", name).with("password", password).send().await
    }

    /// Logs in, and if that succeeds becomes that user.
    pub async fn login(&mut self, name: &str, password: &str) -> Answer {
        let request = self.post("/user/login").with("username", name).with("password", password);
        self.take_login(request.send().await)
    }

    /// Logs in with [`PASSWORD`] and an MFA code, and if that succeeds becomes that user.
    pub async fn login_with_code(&mut self, name: &str, code: &str) -> Answer {
        let request = self.post("/user/login").with("username", name).with("password", PASSWORD);
        self.take_login(request.with("code", code).send().await)
    }

    fn take_login(&mut self, answer: Answer) -> Answer {
        if answer.is_success() {
            let user = answer.success();
            self.id = user.text("id");
            self.name = user.text("username");
            self.take_tokens(&answer);
        }
        answer
    }

    /// Uses the tokens in the headers of `answer` from now on.
    pub fn take_tokens(&mut self, answer: &Answer) {
        self.access = answer.header("access-token").to_owned();
        self.refresh = answer.header("refresh-token").to_owned();
        assert!(!self.access.is_empty() && !self.refresh.is_empty(), "{}: no tokens", answer.shown());
    }

    /// Whoever uses this client's connections without being anybody.
    pub fn logged_out(&self) -> Self {
        let empty = String::new;
        Self { id: empty(), name: empty(), access: empty(), refresh: empty(), ..self.clone() }
    }

    /// The same user with the access token alone, so that nothing is renewed.
    pub fn without_refresh(&self) -> Self {
        Self { refresh: String::new(), ..self.clone() }
    }

    /// The user object of an id.
    pub async fn user_info(&self, user_id: &str) -> Value {
        self.get("/user/info").with("user_id", user_id).send().await.success()
    }

    /// The video object of an id.
    pub async fn video_info(&self, video_id: &str) -> Value {
        self.get("/video/info").with("video_id", video_id).send().await.success()
    }

    /// Publishes the first clip under `title` and returns its video object.
    pub async fn publish(&self, title: &str) -> Value {
        self.publish_clip(title, clips::clip(1)).await
    }

    /// Publishes `clip` under `title` and returns its video object.
    pub async fn publish_clip(&self, title: &str, clip: Vec<u8>) -> Value {
        let request = self.post("/video/publish").with("title", title).with("description", "a test");
        request.file("clip.mp4", clip).send().await.success();
        let list = self.get("/video/list").with("user_id", &self.id).page(0, 100).send().await.success();
        let found = list.items().into_iter().find(|video| video.text("title") == title);
        found.unwrap_or_else(|| panic!("no video `{title}` in {list}"))
    }

    /// Likes (or with `action` 2 unlikes) a video.
    pub async fn like_video(&self, video_id: &str, action: u8) -> Answer {
        self.post("/like/action").with("video_id", video_id).with("action_type", action).send().await
    }

    /// Likes (or with `action` 2 unlikes) a comment.
    pub async fn like_comment(&self, comment_id: &str, action: u8) -> Answer {
        self.post("/like/action").with("comment_id", comment_id).with("action_type", action).send().await
    }

    /// Follows (or with `action` 1 unfollows) a user.
    pub async fn follow(&self, user_id: &str, action: u8) -> Answer {
        self.post("/relation/action").with("to_user_id", user_id).with("action_type", action).send().await
    }

    /// Comments on a video and returns the comment object.
    pub async fn comment(&self, video_id: &str, content: &str) -> Value {
        self.write_comment("video_id", video_id, content).await
    }

    /// Replies to a comment and returns the reply's object.
    pub async fn reply(&self, comment_id: &str, content: &str) -> Value {
        self.write_comment("comment_id", comment_id, content).await
    }

    async fn write_comment(&self, target: &str, id: &str, content: &str) -> Value {
        self.post("/comment/publish").with(target, id).with("content", content).send().await.success();
        let list = self.get("/comment/list").with(target, id).page(0, 100).send().await.success();
        let found = list.items().into_iter().find(|comment| comment.text("content") == content);
        found.unwrap_or_else(|| panic!("no comment `{content}` in {list}"))
    }

    /// The rows of a list on all its pages. Pages may be short or empty where deleted things are left out.
    pub async fn all_pages(&self, path: &str, field: &str, id: &str) -> Vec<Value> {
        const EMPTY_PAGES: usize = 3;
        let mut rows = Vec::new();
        let mut empty_pages = 0;
        for num in 0.. {
            let page = self.get(path).with(field, id).page(num, 100).send().await.success().items();
            empty_pages = if page.is_empty() { empty_pages + 1 } else { 0 };
            rows.extend(page);
            if empty_pages == EMPTY_PAGES {
                break;
            }
        }
        rows
    }

    /// Makes a chat group and returns its id.
    pub async fn create_group(&self, name: &str) -> String {
        self.post("/group/create").with("name", name).send().await.success();
        let list = self.get("/group/list").page(0, 100).send().await.success();
        let found = list.items().into_iter().find(|group| group.text("name") == name);
        found.unwrap_or_else(|| panic!("no group `{name}` in {list}")).text("id")
    }

    /// Joins a chat group.
    pub async fn join_group(&self, group_id: &str) {
        self.post("/group/join").with("group_id", group_id).send().await.success();
    }
}
