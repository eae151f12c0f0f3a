//! A way to the server that the test can disturb.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Connections are made, and nothing comes through.
    Stalled,
    /// Every connection is closed, and every new one.
    Cut,
    /// All that comes through waits so long.
    Slow(Duration),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Proxy {
    /// In front of the server of this URL.
    pub(crate) async fn new(url: &str) -> (Self, String) {
        let (start, rest) = url.rsplit_once('@').unwrap();
        let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), way: watch::Sender::new(Way::Open) };
        tokio::spawn(accept(listener, server.to_owned(), proxy.way.clone()));
        let url = format!("{start}@{}/{path}", proxy.address);
        (proxy, url)
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn accept(listener: TcpListener, server: String, way: watch::Sender<Way>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *way.borrow() == Way::Cut {
            continue;
        }
        let server = TcpStream::connect(&server).await.unwrap();
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::spawn(pump(from_client, to_server, way.subscribe()));
        tokio::spawn(pump(from_server, to_client, way.subscribe()));
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: watch::Receiver<Way>) {
    let mut cut = way.clone();
    let mut way = way;
    let copy = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await.unwrap_or(0);
            let now = *way.wait_for(|way| *way != Way::Stalled).await.unwrap();
            if let Way::Slow(time) = now {
                sleep(time).await;
            }
            if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = copy => {}
        _ = cut.wait_for(|way| *way == Way::Cut) => {}
    }
}
