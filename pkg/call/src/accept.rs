//! Connections: taken up to a limit, and brought to an end within a fixed time.
//!
//! volo's own `Server::run` is not used: it catches the process's signals by itself, waits 2 s for
//! idle connections and up to 28 s more for the others, and has no limit on connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fanone_governance::Server;
use motore::Service;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};
use volo::net::{Address, conn::Conn};
use volo_thrift::{
    EntryMessage, ServerError, codec::MakeCodec, context::ServerContext, tracing::DefaultProvider,
    transport::pingpong,
};

use crate::{guard::GuardedCodec, inbound::count_refusal};

/// Connections of one server. A client needs one for each call under way.
const CONNECTIONS_MAX: usize = 4096;
/// After the stop, how long idle connections stay open, for requests that are on their way.
const GRACE: Duration = Duration::from_millis(200);
/// After that, how long requests may take to end.
const DRAIN: Duration = Duration::from_secs(3);

/// Tells the connections of a server that it stops.
#[derive(Clone, Default)]
struct Stop {
    /// From now on every answer tells its client to close the connection.
    stopping: Arc<AtomicBool>,
    /// Whoever waits for a request closes.
    close_idle: Arc<Notify>,
}

/// Serves the connections of `listener` until `stop`, then lets requests under way end.
pub(crate) async fn serve<Req, S>(
    service: Arc<S>,
    codec: GuardedCodec,
    listener: TcpListener,
    governed: Arc<Server>,
    stop: impl Future<Output = ()>,
) where
    Req: EntryMessage + Send + 'static,
    S: Service<ServerContext, Req, Error = ServerError> + Send + Sync + 'static,
    S::Response: EntryMessage + Send + 'static,
{
    let signal = Stop::default();
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        governed.set_connections(connections.len());
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = connections.join_next() => note_panic(ended),
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, peer)) if !governed.admits_connection(connections.len()) => {
                    // Closed at once: a client that waits would hold up its call, one that is told can go elsewhere.
                    count_refusal("connection_limit");
                    tracing::debug!(%peer, "rpc.connection_refused");
                    drop(stream);
                }
                Ok((stream, peer)) => {
                    let (service, codec) = (service.clone(), codec.clone());
                    connections.spawn(connection(service, codec, stream, peer.into(), signal.clone()));
                }
                Err(error) => {
                    // Mostly too many open files: there is no use in trying again at once.
                    tracing::warn!(%error, "rpc.accept_failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    governed.set_connections(connections.len());
    signal.stopping.store(true, Ordering::Relaxed);
    ended_within(GRACE, &mut connections).await;
    signal.close_idle.notify_waiters();
    ended_within(DRAIN, &mut connections).await;
    if !connections.is_empty() {
        tracing::warn!(connections = connections.len(), "rpc.drain_incomplete");
    }
    // Dropping the set ends what is left.
}

async fn connection<Req, S>(
    service: Arc<S>,
    codec: GuardedCodec,
    stream: TcpStream,
    peer: Address,
    stop: Stop,
) where
    Req: EntryMessage + Send + 'static,
    S: Service<ServerContext, Req, Error = ServerError> + Send + Sync + 'static,
    S::Response: EntryMessage + Send + 'static,
{
    // Without it a small answer waits for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "rpc.nodelay_failed");
    }
    let (reader, writer) = Conn::from(stream).stream.into_split();
    let (encoder, decoder) = codec.make_codec(reader, writer);
    let close_idle = stop.close_idle.notified();
    let tracers = Arc::from([]);
    let serving = pingpong::serve(
        encoder,
        decoder,
        close_idle,
        stop.stopping,
        &*service,
        tracers,
        Some(peer),
        DefaultProvider,
    );
    serving.await;
}

async fn ended_within(limit: Duration, connections: &mut JoinSet<()>) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            note_panic(ended);
        }
    };
    // Whether time was over shows in what is left.
    let _ = tokio::time::timeout(limit, all).await;
}

/// A handler's panic is caught long before, so this one is in the decoding or in ourselves.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "rpc.connection_panicked");
    }
}
