//! A TCP relay between clients and servers on this machine: a plain round-robin, or a way that a test can disturb.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::watch,
    task::AbortHandle,
    time::timeout,
};

use crate::ports;

/// How long a server's last words may still be on their way to a client who goes on sending.
const LINGER: Duration = Duration::from_secs(2);

/// Relays outlive the runtime of the test that starts them: tests share sites.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime for relays")
});

/// What becomes of the bytes, of open connections too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They pass.
    Pass,
    /// Connections are cut.
    Refuse,
    /// They stay where they are, and so do connections.
    Stall,
    /// They pass, each piece so much later.
    Slow(Duration),
}

/// A running relay. It ends with this value.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    mode: watch::Sender<Mode>,
    accepting: AbortHandle,
}

impl Relay {
    /// Takes each connection to the next of the ports of `targets` that answers.
    pub(crate) fn start(targets: Vec<u16>) -> Self {
        Self::start_on(ports::listen(), targets)
    }

    /// Two, whose ports are `offset` apart as those of their targets are, of which `target` is the first.
    pub(crate) fn start_apart(offset: u16, target: u16) -> [Self; 2] {
        let (first, second) = ports::listen_apart(offset);
        [Self::start_on(first, vec![target]), Self::start_on(second, vec![target + offset])]
    }

    fn start_on((listener, port): (TcpListener, u16), targets: Vec<u16>) -> Self {
        listener.set_nonblocking(true).expect("a listener that does not block");
        let (mode, seen) = watch::channel(Mode::Pass);
        let accepting = RUNTIME.spawn(accept(listener, targets.into(), seen)).abort_handle();
        Self { port, mode, accepting }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.set(Mode::Refuse);
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, targets: Arc<[u16]>, mode: watch::Receiver<Mode>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener in this runtime");
    let next = Arc::new(AtomicUsize::new(0));
    loop {
        if let Ok((client, _)) = listener.accept().await {
            let first = next.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(connect(client, targets.clone(), first, mode.clone()));
        }
    }
}

async fn connect(client: TcpStream, targets: Arc<[u16]>, first: usize, mode: watch::Receiver<Mode>) {
    if *mode.borrow() == Mode::Refuse {
        return;
    }
    for place in 0..targets.len() {
        let Some(port) = targets.get((first + place) % targets.len()) else { return };
        if let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], *port))).await {
            return join(client, server, mode).await;
        }
    }
}

async fn join(client: TcpStream, server: TcpStream, mode: watch::Receiver<Mode>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).ok();
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(carry(from_client, to_server, mode.clone()), carry(from_server, to_client, mode));
}

/// Carries bytes one way, to the end of that way.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = refused(mode.clone()) => return,
        };
        let piece = match read {
            Ok(length @ 1..) => buffer.get(..length).unwrap_or_default(),
            _ => break,
        };
        if !may_pass(&mut mode).await {
            return;
        }
        if to.write_all(piece).await.is_err() {
            // To close with bytes unread would take the answer away that is on its way back.
            let _gone_or_silent = timeout(LINGER, tokio::io::copy(&mut from, &mut tokio::io::sink())).await;
            return;
        }
    }
    to.shutdown().await.ok();
}

async fn refused(mut mode: watch::Receiver<Mode>) {
    // The relay's end is one as well.
    mode.wait_for(|mode| *mode == Mode::Refuse).await.ok();
}

async fn may_pass(mode: &mut watch::Receiver<Mode>) -> bool {
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Pass => return true,
            Mode::Slow(time) => {
                tokio::time::sleep(time).await;
                return true;
            }
            Mode::Refuse => return false,
            Mode::Stall if mode.changed().await.is_err() => return false,
            Mode::Stall => {}
        }
    }
}
