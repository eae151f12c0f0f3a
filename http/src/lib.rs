//! The front: the only part of the site that the world can reach. It speaks HTTP and WebSocket, checks who asks, calls
//! the four services, puts their answers together, and keeps the media files.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `server`, `gate` | the accept loop; what every request passes |
//! | `routes` | the one list of operations |
//! | `extract` | from a request to typed values |
//! | `handlers`, `compose` | the operations; those of several steps |
//! | `envelope`, `refusal`, `objects` | what answers look like |
//! | `openapi` | the API document, made from all of these |

mod access;
mod calls;
mod chat;
mod compose;
mod cors;
mod describe;
mod envelope;
mod extract;
mod features;
mod gate;
mod handlers;
mod lease;
mod limits;
mod linger;
mod media;
mod models;
mod objects;
mod openapi;
mod outage;
mod refusal;
mod routes;
mod server;
mod state;
#[cfg(test)]
mod testing;
mod unread;
mod upload;

use std::sync::Arc;

use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

pub use models::Models;
pub use openapi::document;
pub use state::Parts;

/// Serves the site on `listener` until `stop` resolves, then ends the open requests within `http.drain_timeout_ms`.
/// From `leaving` on, each answer tells its client to come again by another connection.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    leaving: CancellationToken,
    stop: impl Future<Output = ()> + Send,
) {
    let http = &parts.settings.http;
    let bounds = server::Bounds {
        connections_max: http.connections_max,
        header_timeout: http.header_timeout(),
        drain_timeout: http.drain_timeout(),
    };
    let app = state::App::new(parts);
    let stopping = CancellationToken::new();
    let requests = server::run(listener, Arc::new(gate::Gate::new(app.clone())), bounds, leaving, async {
        stop.await;
        stopping.cancel();
    });
    let chats = async {
        stopping.cancelled().await;
        if timeout(app.settings.http.drain_timeout(), app.chat.shutdown()).await.is_err() {
            tracing::warn!("chats were still open when the time to drain was over");
        }
    };
    let janitor = upload::janitor::run(app.clone(), stopping.clone());
    let outages = outage::run(app.clone(), stopping.clone());
    let gone = compose::known::listen(app.clone(), stopping.clone());
    let describing = describe::run(app.clone(), stopping.clone());
    tokio::join!(requests, chats, janitor, outages, gone, describing);
}
