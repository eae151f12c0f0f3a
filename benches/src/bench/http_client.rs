//! Just enough of an HTTP client: a connection of its own for each caller.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request that can be sent.
pub(crate) type Outgoing = Request<Full<Bytes>>;

/// One kept-alive connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(crate) async fn send(&mut self, request: Outgoing) -> anyhow::Result<(Response<()>, Bytes)> {
        self.sender.ready().await?;
        let response: Response<Incoming> = self.sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        Ok((Response::from_parts(head, ()), body.collect().await?.to_bytes()))
    }
}

/// One request on a connection of its own; anything but success is an error.
pub(crate) async fn fetch(address: SocketAddr, request: Outgoing) -> anyhow::Result<Bytes> {
    Ok(fetch_whole(address, request).await?.1)
}

/// As [`fetch`], with the head of the answer.
pub(crate) async fn fetch_whole(
    address: SocketAddr,
    request: Outgoing,
) -> anyhow::Result<(Response<()>, Bytes)> {
    let path = request.uri().path().to_owned();
    let (head, body) = Connection::open(address).await?.send(request).await.context(path.clone())?;
    ensure!(is_success(&head, &body), "{path}: {} {}", head.status(), String::from_utf8_lossy(&body));
    Ok((head, body))
}

/// 200, and where the answer is an envelope its code is 10000.
pub(crate) fn is_success(head: &Response<()>, body: &[u8]) -> bool {
    const ENVELOPE: &[u8] = b"{\"base\":{\"code\":";
    head.status().is_success() && body.strip_prefix(ENVELOPE).is_none_or(|rest| rest.starts_with(b"10000,"))
}

pub(crate) fn get(path: &str) -> Outgoing {
    request(Method::GET, path, None, "", Bytes::new())
}

pub(crate) fn post_form(path: &str, token: Option<&str>, form: String) -> Outgoing {
    request(Method::POST, path, token, "application/x-www-form-urlencoded", form.into())
}

#[expect(clippy::expect_used, reason = "the parts are our own constants and tokens")]
pub(crate) fn request(method: Method, path: &str, token: Option<&str>, kind: &str, body: Bytes) -> Outgoing {
    let mut builder = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1");
    if let Some(token) = token {
        builder = builder.header("Access-Token", token);
    }
    if !kind.is_empty() {
        builder = builder.header(header::CONTENT_TYPE, kind);
    }
    builder.body(Full::new(body)).expect("a request of constants is valid")
}
