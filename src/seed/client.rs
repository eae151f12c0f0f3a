//! The few calls of the HTTP API that the seed needs.

use std::time::Duration;

use anyhow::{Context, bail};
use futures::{SinkExt, StreamExt};
use reqwest::{
    RequestBuilder, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// How often a request that came too early is sent again.
const PATIENCE: usize = 60;

pub(crate) struct User {
    pub(crate) id: String,
    token: String,
}

pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    pub(crate) async fn register(&self, name: &str, password: &str) -> anyhow::Result<()> {
        let form = [("username", name), ("password", password)];
        self.send(|| Ok(self.http.post(self.path("/user/register")).form(&form))).await?;
        Ok(())
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> anyhow::Result<User> {
        let form = [("username", name), ("password", password)];
        let (headers, user) = self.send(|| Ok(self.http.post(self.path("/user/login")).form(&form))).await?;
        let token =
            headers.get("access-token").context("the answer has no Access-Token")?.to_str()?.to_owned();
        Ok(User { id: text(&user, "id")?, token })
    }

    pub(crate) async fn set_avatar(&self, user: &User, picture: Vec<u8>) -> anyhow::Result<()> {
        let form = || Form::new().part("data", Part::bytes(picture.clone()).file_name("avatar.png"));
        let request = || Ok(self.http.put(self.path("/user/avatar/upload")).multipart(form()));
        self.send_as(user, request).await?;
        Ok(())
    }

    pub(crate) async fn publish(
        &self,
        author: &User,
        title: &str,
        description: &str,
        clip: &'static [u8],
    ) -> anyhow::Result<()> {
        let form = || {
            let fields =
                Form::new().text("title", title.to_owned()).text("description", description.to_owned());
            fields.part("data", Part::bytes(clip).file_name("clip.mp4"))
        };
        self.send_as(author, || Ok(self.http.post(self.path("/video/publish")).multipart(form()))).await?;
        Ok(())
    }

    /// The ids of the most popular videos.
    pub(crate) async fn popular(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let request = || Ok(self.http.get(self.path("/video/popular")).query(&[("page_size", count)]));
        let (_, data) = self.send(request).await?;
        items(&data)?.iter().map(|item| text(item, "id")).collect()
    }

    pub(crate) async fn visit(&self, user: &User, video: &str) -> anyhow::Result<()> {
        self.form_as(user, "/video/visit", &[("video_id", video)]).await
    }

    pub(crate) async fn like(&self, user: &User, video: &str) -> anyhow::Result<()> {
        self.form_as(user, "/like/action", &[("video_id", video), ("action_type", "1")]).await
    }

    pub(crate) async fn follow(&self, user: &User, other: &str) -> anyhow::Result<()> {
        self.form_as(user, "/relation/action", &[("to_user_id", other), ("action_type", "0")]).await
    }

    /// Comments on a video (`video_id`) or answers a comment (`comment_id`).
    pub(crate) async fn comment(&self, user: &User, on: &str, id: &str, content: &str) -> anyhow::Result<()> {
        self.form_as(user, "/comment/publish", &[(on, id), ("content", content)]).await
    }

    pub(crate) async fn first_comment(&self, video: &str) -> anyhow::Result<String> {
        let (_, data) =
            self.send(|| Ok(self.http.get(self.path("/comment/list")).query(&[("video_id", video)]))).await?;
        text(items(&data)?.first().context("no comment")?, "id")
    }

    /// A private talk: the lines alternate between the two.
    pub(crate) async fn chat<'l>(
        &self,
        one: &User,
        other: &User,
        lines: impl Iterator<Item = &'l String>,
    ) -> anyhow::Result<()> {
        let url = self.url.replacen("http", "ws", 1);
        let (mut first, _) = connect_async(format!("{url}/ws?token={}", one.token)).await?;
        let (mut second, _) = connect_async(format!("{url}/ws?token={}", other.token)).await?;
        for (number, line) in lines.enumerate() {
            let (socket, to) = if number % 2 == 0 { (&mut first, &other.id) } else { (&mut second, &one.id) };
            let seq = number.to_string();
            let request = json!({"type": 1, "seq": seq, "data": {"to_user_id": to, "content": line}});
            socket.send(Message::text(request.to_string())).await?;
            while let Some(answer) = socket.next().await {
                let answer: Value = serde_json::from_slice(&answer?.into_data()).unwrap_or_default();
                if answer.get("seq").and_then(Value::as_str) == Some(&seq) {
                    check(&answer)?;
                    break;
                }
            }
        }
        first.close(None).await?;
        second.close(None).await?;
        Ok(())
    }

    async fn form_as(&self, user: &User, path: &str, form: &[(&str, &str)]) -> anyhow::Result<()> {
        self.send_as(user, || Ok(self.http.post(self.path(path)).form(form))).await?;
        Ok(())
    }

    async fn send_as(
        &self,
        user: &User,
        request: impl Fn() -> anyhow::Result<RequestBuilder>,
    ) -> anyhow::Result<Value> {
        let (_, data) = self.send(|| Ok(request()?.header("Access-Token", &user.token))).await?;
        Ok(data)
    }

    /// Sends a request; waits and sends it again while the site says that it comes too early.
    async fn send(
        &self,
        request: impl Fn() -> anyhow::Result<RequestBuilder>,
    ) -> anyhow::Result<(HeaderMap, Value)> {
        for _ in 0..PATIENCE {
            let response = request()?.send().await.with_context(|| {
                format!("{} does not answer; start it with `cargo run --release`", self.url)
            })?;
            let (status, headers) = (response.status(), response.headers().clone());
            if status == StatusCode::TOO_MANY_REQUESTS {
                let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
                continue;
            }
            let mut answer: Value = response.json().await?;
            check(&answer)?;
            return Ok((headers, answer.get_mut("data").map(Value::take).unwrap_or_default()));
        }
        bail!("the site keeps saying that there are too many requests")
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// The envelope must say 10000.
fn check(answer: &Value) -> anyhow::Result<()> {
    let (code, message) = (answer.pointer("/base/code"), answer.pointer("/base/msg"));
    match code.and_then(Value::as_i64) {
        Some(10000) => Ok(()),
        Some(12002) => bail!("a user of the seed exists already: this site has been seeded before"),
        _ => bail!("the site answered {code:?} {message:?}"),
    }
}

fn items(data: &Value) -> anyhow::Result<&Vec<Value>> {
    data.get("items").and_then(Value::as_array).context("the answer has no items")
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    Ok(value
        .get(name)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no {name}"))?
        .to_owned())
}
