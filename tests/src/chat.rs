//! A WebSocket connection to the chat.

use std::{collections::VecDeque, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

use crate::{Client, Code, Site, unique};

const PATIENCE: Duration = Duration::from_secs(20);
const PUSH: i64 = 9;

/// An open connection.
pub struct Chat {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pushed: VecDeque<Value>,
}

/// What the site answered to one request.
#[derive(Clone, Debug)]
pub struct Reply(pub Value);

impl Reply {
    /// `base.code`.
    pub fn code(&self) -> i64 {
        self.0.pointer("/base/code").and_then(Value::as_i64).unwrap_or_default()
    }

    /// The `data` of a success; null if it has none.
    #[track_caller]
    pub fn success(&self) -> Value {
        assert_eq!(self.code(), 10000, "{}", self.0);
        self.0.get("data").cloned().unwrap_or_default()
    }

    /// A failure with `code`. The message.
    #[track_caller]
    pub fn refused(&self, code: Code) -> String {
        assert_eq!(self.code(), i64::from(code.number()), "{}", self.0);
        self.0.pointer("/base/msg").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Chat {
    /// Connects `user` with the token headers.
    pub async fn connect(site: &Site, user: &Client) -> Self {
        Self::handshake(site, "/ws", &[("access-token", &user.access)])
            .await
            .expect("the site takes the user in")
    }

    /// As [`Chat::connect`], at one of several fronts: `host:port`.
    pub async fn connect_at(front: &str, user: &Client) -> Self {
        let connected = Self::handshake_at(front, "/ws", &[("access-token", &user.access)]).await;
        connected.expect("the front takes the user in")
    }

    /// As [`Chat::connect_at`], where the front may refuse.
    ///
    /// # Errors
    ///
    /// The HTTP status of the refusal; 0 if there was no answer.
    pub async fn try_connect_at(front: &str, user: &Client) -> Result<Self, u16> {
        let connected = Self::handshake_at(front, "/ws", &[("access-token", &user.access)]).await;
        connected.map_err(|error| match *error {
            tungstenite::Error::Http(answer) => answer.status().as_u16(),
            _ => 0,
        })
    }

    /// Connects with a path and headers of the test's own.
    ///
    /// # Errors
    ///
    /// The site refused the handshake: `tungstenite::Error::Http` holds its answer.
    pub async fn handshake(
        site: &Site,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<tungstenite::Error>> {
        Self::handshake_at(&site.http_address(), path, headers).await
    }

    async fn handshake_at(
        front: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<tungstenite::Error>> {
        let url = format!("ws://{front}{path}");
        let mut request = url.into_client_request().map_err(Box::new)?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header value"));
        }
        let (stream, _) = connect_async(request).await.map_err(Box::new)?;
        Ok(Self { stream, pushed: VecDeque::new() })
    }

    /// Asks, and waits for the answer to this very request. Pushes that come first are kept.
    pub async fn ask(&mut self, kind: i64, data: Value) -> Reply {
        self.ask_as(kind, &unique("seq"), data).await
    }

    /// As [`Chat::ask`]; nothing if the connection ends before the answer.
    pub async fn try_ask(&mut self, kind: i64, data: Value) -> Option<Reply> {
        self.exchange(kind, &unique("seq"), data).await.ok()
    }

    /// As [`Chat::ask`], with a `seq` of the test's own.
    pub async fn ask_as(&mut self, kind: i64, seq: &str, data: Value) -> Reply {
        self.exchange(kind, seq, data).await.unwrap_or_else(|ended| panic!("{ended}"))
    }

    async fn exchange(&mut self, kind: i64, seq: &str, data: Value) -> Result<Reply, String> {
        self.send_text(&json!({"type": kind, "seq": seq, "data": data}).to_string()).await;
        let reply = self.try_reply().await?;
        assert_eq!(reply.0.get("type"), Some(&json!(kind)), "{}", reply.0);
        assert_eq!(reply.0.get("seq"), Some(&json!(seq)), "{}", reply.0);
        Ok(reply)
    }

    /// The next answer that is no push.
    pub async fn reply(&mut self) -> Reply {
        self.try_reply().await.unwrap_or_else(|ended| panic!("{ended}"))
    }

    async fn try_reply(&mut self) -> Result<Reply, String> {
        loop {
            let frame = self.try_next_json().await?;
            if frame.get("type") != Some(&json!(PUSH)) {
                return Ok(Reply(frame));
            }
            self.pushed.push_back(frame);
        }
    }

    /// The message of the next push.
    pub async fn push(&mut self) -> Value {
        let frame = match self.pushed.pop_front() {
            Some(frame) => frame,
            None => self.next_json().await,
        };
        assert_eq!(frame.get("type"), Some(&json!(PUSH)), "not a push: {frame}");
        frame.get("data").cloned().unwrap_or_default()
    }

    /// Says something to a user and returns the stored message.
    pub async fn say(&mut self, to: &Client, content: &str) -> Value {
        self.ask(1, json!({"to_user_id": to.id, "content": content})).await.success()
    }

    /// Says something to a group and returns the stored message.
    pub async fn say_to_group(&mut self, group_id: &str, content: &str) -> Value {
        self.ask(4, json!({"group_id": group_id, "content": content})).await.success()
    }

    /// Sends a text frame as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends any frame. A connection that the site has closed shows when the next frame is read.
    pub async fn send(&mut self, message: Message) {
        let _closed_shows_later = self.stream.send(message).await;
    }

    /// The next frame of any kind.
    pub async fn next(&mut self) -> Message {
        self.try_next().await.unwrap_or_else(|ended| panic!("{ended}"))
    }

    /// Or how the connection has ended.
    async fn try_next(&mut self) -> Result<Message, String> {
        let next = timeout(PATIENCE, self.stream.next()).await.expect("a frame within 20 s");
        next.ok_or("the connection did not stay open")?.map_err(|error| format!("no whole frame: {error}"))
    }

    /// Reads until the site closes, and returns its close frame.
    pub async fn closed(&mut self) -> CloseFrame {
        loop {
            if let Message::Close(frame) = self.next().await {
                return frame.expect("a close frame says why");
            }
        }
    }

    async fn next_json(&mut self) -> Value {
        self.try_next_json().await.unwrap_or_else(|ended| panic!("{ended}"))
    }

    async fn try_next_json(&mut self) -> Result<Value, String> {
        loop {
            match self.try_next().await? {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("a JSON frame")),
                Message::Ping(_) | Message::Pong(_) => {}
                other => return Err(format!("not a text frame: {other:?}")),
            }
        }
    }
}
