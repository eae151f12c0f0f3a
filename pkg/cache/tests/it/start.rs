//! What the start of a program finds out.

use std::time::Duration;

use bytes::Bytes;
use fanone_cache::{Cache, CacheError, Options};

use crate::common::{cache, key, server};

fn with_password(url: &str, password: &str) -> String {
    let (start, rest) = url.rsplit_once('@').unwrap();
    format!("{}{password}@{rest}", &start[..=start.rfind(':').unwrap()])
}

async fn refusal(cache: &dyn Cache) -> CacheError {
    let error = cache.ping().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("127.0.0.1:") && !text.contains("hunter2"), "{text}");
    error
}

#[tokio::test]
async fn a_wrong_password_is_named_as_such() {
    for name in ["redis", "sentinel", "cluster"] {
        let cache = cache(&with_password(&server(name), "hunter2"), &Options::default());
        let error = refusal(&*cache).await;
        assert!(matches!(error, CacheError::Login { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_and_the_program_goes_on() {
    // Bound and not listened to for the time of the test.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    for url in [
        format!("redis://:hunter2@{address}"),
        format!("redis+sentinel://:hunter2@{address}/mymaster"),
        format!("redis+cluster://:hunter2@{address}"),
    ] {
        let cache = cache(&url, &Options::default());
        assert!(matches!(refusal(&*cache).await, CacheError::Unreachable { .. }), "{url}");
        let (key, ttl) = (key("k"), Duration::from_secs(60));
        cache.set(&key, Bytes::from_static(b"v"), ttl).await.unwrap();
        assert_eq!(cache.get(&key).await.unwrap(), Some(Bytes::from_static(b"v")));
        assert_eq!(cache.incr(&key, 1, ttl).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_primary_that_the_sentinels_do_not_know_is_not_reached() {
    let url = server("sentinel");
    let (start, _) = url.rsplit_once('/').unwrap();
    let cache = cache(&format!("{start}/unknown"), &Options::default());
    assert!(matches!(refusal(&*cache).await, CacheError::Unreachable { .. }));
}
