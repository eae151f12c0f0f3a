//! A Milvus that does not work, or is not as we have left it.

use std::{net::TcpListener, time::Instant};

use fanone_base::{Code, Failure};
use fanone_vectors::{Index, MilvusIndex, VectorError};
use std::time::Duration;

use crate::{
    MODEL,
    common::{Fresh, PATIENCE, axis, eventually},
};

#[tokio::test]
async fn nobody_waits_for_a_milvus_that_does_not_answer() {
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut url = Fresh::new().url.clone();
    url.address = silent.local_addr().unwrap().to_string();
    let index = MilvusIndex::new(&url, Duration::from_millis(300));
    let begun = Instant::now();
    for _ in 0..20 {
        let error = index.search(MODEL, axis(0), 1).await.unwrap_err();
        assert!(matches!(error, VectorError::Away { .. }), "{error:?}");
        assert_eq!(error.code(), Code::Unavailable);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_known_before_the_limit() {
    let mut url = Fresh::new().url.clone();
    url.address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let begun = Instant::now();
    let error = MilvusIndex::new(&url, PATIENCE).search(MODEL, axis(0), 1).await.unwrap_err();
    assert!(matches!(error, VectorError::Away { .. }), "{error:?}");
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such() {
    let mut url = Fresh::new().url.clone();
    url.login = Some(("root".to_owned(), "hunter2hunter2".to_owned()));
    let index = MilvusIndex::new(&url, PATIENCE);
    for error in [
        index.ping().await.unwrap_err(),
        index.search(MODEL, axis(0), 1).await.unwrap_err(),
        index.upsert(MODEL, vec![(1, axis(0))]).await.unwrap_err(),
    ] {
        assert!(matches!(error, VectorError::Refused { .. }), "{error:?}");
        assert_eq!(error.code(), Code::Unavailable);
        let text = fanone_telemetry::chain(&error);
        assert!(text.contains("auth") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_as_such() {
    let mut url = Fresh::new().url.clone();
    url.database = "not_there".to_owned();
    let error = MilvusIndex::new(&url, PATIENCE).ping().await.unwrap_err();
    assert!(fanone_telemetry::chain(&error).contains("not_there"), "{error:?}");
    assert_eq!(error.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_collection_of_another_model_is_left_alone() {
    let fresh = Fresh::new();
    fresh.index.upsert("a-b", vec![(1, axis(0))]).await.unwrap();
    for error in [
        fresh.index.search("a.b", axis(0), 1).await.unwrap_err(),
        fresh.index.upsert("a.b", vec![(2, axis(0))]).await.unwrap_err(),
    ] {
        assert!(matches!(&error, VectorError::Foreign { reason, .. } if reason.contains("a-b")), "{error:?}");
    }
    eventually("it has what it had", async || fresh.ids("a-b", axis(0), 9).await == [1]).await;
}

#[tokio::test]
async fn a_collection_that_was_dropped_is_made_again_for_the_next_vector() {
    let fresh = Fresh::new();
    fresh.index.upsert(MODEL, vec![(1, axis(0))]).await.unwrap();
    eventually("it is found", async || fresh.ids(MODEL, axis(0), 9).await == [1]).await;
    fresh.drop_collections().await;
    assert_eq!(fresh.index.search(MODEL, axis(0), 9).await.unwrap(), []);
    fresh.index.upsert(MODEL, vec![(2, axis(0))]).await.unwrap();
    eventually("the next is found", async || fresh.ids(MODEL, axis(0), 9).await == [2]).await;
}
