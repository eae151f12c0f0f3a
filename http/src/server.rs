//! The one accept loop of the front: a cap on connections, a time limit for request heads, a bounded drain.
//!
//! volo-http's own loop has none of these, and spins when the process runs out of file descriptors. Its router is a
//! plain service, so hyper can drive it directly.

use std::{cell::RefCell, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use fanone_telemetry::names;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use metainfo::{METAINFO, MetaInfo};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use volo_http::body::Body;

use crate::{
    gate::{Counted, Gate},
    linger::Lingering,
};

/// More request headers than any browser or proxy sends.
const HEADERS_MAX: usize = 100;
/// The longest request head, bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to wait when no connection can be accepted, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection without a request stays open once no more are accepted.
const GRACE: Duration = Duration::from_millis(200);

/// The numbers that bound the loop.
pub(crate) struct Bounds {
    /// Connections at a time.
    pub(crate) connections_max: usize,
    /// For the head of a request, and for the silence between two requests of a connection.
    pub(crate) header_timeout: Duration,
    /// For open requests once the server stops.
    pub(crate) drain_timeout: Duration,
}

/// Serves connections until `stop` resolves, then waits for the open requests, but not longer than the drain timeout.
/// From `leaving` on connections end with their next answer: to close one that is idle could meet a request on its way.
pub(crate) async fn run(
    listener: TcpListener,
    gate: Arc<Gate>,
    bounds: Bounds,
    leaving: CancellationToken,
    stop: impl Future<Output = ()> + Send,
) {
    let builder = http1(bounds.header_timeout);
    let connections = Arc::new(Semaphore::new(bounds.connections_max));
    let graceful = GracefulShutdown::new();
    let open = metrics::gauge!(names::HTTP_SERVER_OPEN_CONNECTIONS);
    tokio::pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            // Who is connected already but waits in the kernel's queue would be cut off: those come first.
            biased;
            accepted = accept(&listener, &connections) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = %error, "no connection can be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let counted = Counted::new(&open);
        let (gate, leaving) = (gate.clone(), leaving.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (gate, leaving) = (gate.clone(), leaving.clone());
            // The scope carries what the request's RPCs send along.
            METAINFO.scope(RefCell::new(MetaInfo::default()), async move {
                let mut response = gate.serve(peer, request.map(Body::from_incoming)).await;
                // The answer to a chat's handshake is about the connection itself.
                if leaving.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            })
        });
        let io = TokioIo::new(Lingering::new(stream));
        let connection = builder.serve_connection_with_upgrades(io, service).into_owned();
        let watched = graceful.watcher().watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the client's affair; its requests have been logged.
            if let Err(error) = watched.await {
                tracing::debug!(error, "a connection broke");
            }
            drop((permit, counted));
        });
    }
    drop(listener);
    // Those who came last have not sent their request yet; it would be lost with the connection.
    sleep(GRACE).await;
    if timeout(bounds.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still open when the time to drain was over");
    }
}

fn http1(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // A client that has said all it wants to say still gets its answer.
        .half_close(true);
    builder
}

/// The next connection, once there may be one more. Those beyond the cap wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are written in one go; waiting for more to send only delays them.
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}
