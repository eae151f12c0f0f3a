//! Bytes sent as they are, for requests that no HTTP client would make.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::Answer;

const PATIENCE: Duration = Duration::from_secs(60);

/// Opens a connection to `address`, `host:port`.
pub async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.expect("the site accepts connections")
}

/// Sends `bytes`, says that no more will come, and reads what comes back until the end.
pub async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address).await;
    // The site may refuse and close before it has read everything.
    let _refused_early = stream.write_all(bytes).await;
    let _refused_early = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the site neither answers nor closes");
    answer
}

/// Sends a request written out by the test and reads its answer. Ask for `connection: close`.
pub async fn ask(address: &str, request: &[u8]) -> Answer {
    let bytes = exchange(address, request).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: `{text}`"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name: HeaderName = name.parse().expect("a header name");
        headers.append(name, value.trim().parse().expect("a header value"));
    }
    Answer {
        request: "a raw request".to_owned(),
        status: status.expect("a status line"),
        headers,
        body: Bytes::from(body.to_owned()),
    }
}
