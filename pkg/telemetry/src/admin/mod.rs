//! The admin port: health, metrics and profiles over HTTP/1. It is for operators and their tools, never for outsiders.

mod page;
mod profile;
mod readiness;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub use page::{Page, escaped};
pub use readiness::{PartReport, Readiness, Report};

use crate::metrics::Metrics;
use profile::Profiler;

const CONNECTIONS_MAX: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept, for example when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long open requests may take once the program ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What the routes show.
struct Admin {
    metrics: Metrics,
    readiness: Readiness,
    pages: Vec<Page>,
    profiler: Profiler,
}

/// Serves the admin port on a bound listener until `shutdown`; open requests then have a second.
/// It shows `pages` beside its own. It also does the upkeep of the metrics.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    readiness: Readiness,
    pages: Vec<Page>,
    shutdown: CancellationToken,
) {
    let profiler = Profiler::default();
    let admin = Arc::new(Admin { metrics: metrics.clone(), readiness, pages, profiler });
    let connections = GracefulShutdown::new();
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = metrics.upkeep() => {}
        () = accept(&listener, &admin, &connections) => {}
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::debug!("requests on the admin port were cut off");
    }
}

async fn accept(listener: &TcpListener, admin: &Arc<Admin>, connections: &GracefulShutdown) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // The semaphore is never closed, so the loop goes on for ever.
    while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _peer)) => spawn(stream, Arc::clone(admin), connections, permit),
            Err(error) => {
                tracing::warn!(%error, "the admin port can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn spawn(stream: TcpStream, admin: Arc<Admin>, connections: &GracefulShutdown, permit: OwnedSemaphorePermit) {
    let service = service_fn(move |request| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, std::convert::Infallible>(routes::answer(&admin, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = crate::chain(&error), "a connection of the admin port broke");
        }
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    /// Something for the profile to see, until `work` ends.
    fn work_hard(work: CancellationToken) -> std::thread::JoinHandle<()> {
        let worker = std::thread::Builder::new().name("hard_worker".to_owned());
        worker.spawn(move || while !std::hint::black_box(work.is_cancelled()) {}).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_port_tells_health_metrics_and_profiles_and_ends_at_the_shutdown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let metrics = crate::metrics::install().unwrap();
        let page = Page::new(
            "/rules",
            "the <rules>",
            || serde_json::json!({"a": 1}),
            |value| format!("<p>{}", value["a"]),
        );
        let server = tokio::spawn(serve(listener, metrics, readiness.clone(), vec![page], shutdown.clone()));

        assert_eq!(get(address, "/healthz").await.0, 200);
        assert_eq!(get(address, "/readyz").await.0, 200);
        readiness.add("user.database", || async { Err("disk is full") });
        let (status, body) = get(address, "/readyz").await;
        assert_eq!(status, 503);
        assert!(body.contains("\"user.database\"") && body.contains("disk is full"), "{body}");
        let metrics = get(address, "/metrics").await.1;
        assert!(metrics.contains("process_resident_memory_bytes "), "{metrics}");
        assert!(metrics.contains("fanone_part_ready{part=\"user.database\"} 0"), "{metrics}");
        assert!(get(address, "/").await.1.contains("/debug/pprof/flamegraph"));
        assert!(get(address, "/").await.1.contains("<a href=\"/rules\">/rules</a>: the &lt;rules&gt;"));
        let (_, page) = get(address, "/rules").await;
        assert!(page.contains("text/html") && page.ends_with("<p>1"), "{page}");
        let (_, page) = get(address, "/rules?format=json").await;
        assert!(page.contains("application/json") && page.contains("\"a\": 1"), "{page}");
        assert_eq!(get(address, "/nothing").await.0, 404);
        for query in ["0", "61", "x", ""] {
            assert_eq!(
                get(address, &format!("/debug/pprof/profile?seconds={query}")).await.0,
                400,
                "{query}"
            );
        }

        let work = CancellationToken::new();
        let worker = work_hard(work.clone());
        let (first, second) = tokio::join!(
            get(address, "/debug/pprof/flamegraph?seconds=1"),
            get(address, "/debug/pprof/flamegraph?seconds=1")
        );
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 429], "{}", first.1);
        assert!(first.1.contains("hard_worker") || second.1.contains("hard_worker"), "{}", first.1);
        let (status, profile) = get(address, "/debug/pprof/profile?seconds=1").await;
        work.cancel();
        worker.join().unwrap();
        assert_eq!(status, 200);
        assert!(profile.contains("hard_worker"));

        shutdown.cancel();
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
