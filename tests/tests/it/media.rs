//! Media files, served well enough that a browser seeks in a video.

use fanone_tests::{Client, Json as _, Site, raw};
use reqwest::Method;

/// A published video: who may ask, its URL, its bytes.
async fn video(site: &Site) -> (Client, String, Vec<u8>) {
    let alice = site.user("alice").await;
    let url = alice.publish("media").await.text("video_url");
    let bytes = alice.get(&url).send().await.body.to_vec();
    (site.guest(), url, bytes)
}

#[tokio::test]
async fn a_file_is_served_whole_with_what_a_browser_needs() {
    let site = Site::shared().await;
    let (guest, url, bytes) = video(site).await;
    assert!(url.starts_with(&site.url("/media/")), "{url}");

    let answer = guest.get(&url).send().await;

    assert_eq!((answer.status, answer.header("accept-ranges")), (200, "bytes"));
    assert_eq!(answer.header("content-length"), bytes.len().to_string());
    assert!(answer.header("etag").starts_with('"'), "{:?}", answer.headers);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_ne!(answer.header("cache-control"), "");
}

#[tokio::test]
async fn head_says_the_same_without_a_body() {
    let site = Site::shared().await;
    let (guest, url, bytes) = video(site).await;
    let (get, head) = (guest.get(&url).send().await, guest.head(&url).send().await);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), bytes.len().to_string());
    for name in ["etag", "content-type", "accept-ranges"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[tokio::test]
async fn a_range_is_served_as_asked() {
    let site = Site::shared().await;
    let (guest, url, bytes) = video(site).await;
    let length = bytes.len();
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        ("bytes=10-".to_owned(), 10, length - 1),
        ("bytes=-5".to_owned(), length - 5, length - 1),
        (format!("bytes=5-{}", length * 2), 5, length - 1),
        (format!("bytes=-{}", length * 2), 0, length - 1),
        (format!("bytes={}-{}", length - 1, length - 1), length - 1, length - 1),
    ] {
        let answer = guest.get(&url).header("range", &range).send().await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{length}"), "{range}");
        assert_eq!(answer.header("content-length"), (last + 1 - first).to_string(), "{range}");
        assert!(answer.body == bytes[first..=last], "{range}: other bytes");
    }
}

#[tokio::test]
async fn a_range_outside_of_the_file_is_not_satisfiable() {
    let site = Site::shared().await;
    let (guest, url, bytes) = video(site).await;
    for range in [format!("bytes={}-", bytes.len()), "bytes=-0".to_owned()] {
        let answer = guest.get(&url).header("range", &range).send().await;
        assert_eq!(answer.status, 416, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes */{}", bytes.len()));
    }
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_ignored() {
    let site = Site::shared().await;
    let (guest, url, _) = video(site).await;
    for range in ["bytes=9-5", "bytes=a-b", "lines=1-2", "bytes", "bytes=", "bytes=99999999999999999999999-"]
    {
        let status = guest.get(&url).header("range", range).send().await.status;
        assert!(matches!(status, 200 | 416), "{range}: {status}");
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let site = Site::shared().await;
    let (guest, url, _) = video(site).await;
    let tag = guest.get(&url).send().await.header("etag").to_owned();
    for method in [Method::GET, Method::HEAD] {
        let answer = guest.request(method, &url).header("if-none-match", &tag).send().await;
        assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, tag.as_str()));
    }
    for tags in ["*", &format!("\"other\", {tag}"), &format!("W/{tag}")] {
        assert_eq!(guest.get(&url).header("if-none-match", tags).send().await.status, 304, "{tags}");
    }
    assert_eq!(guest.get(&url).header("if-none-match", "\"other\"").send().await.status, 200);
}

#[tokio::test]
async fn if_range_gives_the_part_of_the_same_file_or_all_of_another() {
    let site = Site::shared().await;
    let (guest, url, bytes) = video(site).await;
    let tag = guest.get(&url).send().await.header("etag").to_owned();
    let part = |tag: &str| guest.get(&url).header("range", "bytes=0-9").header("if-range", tag).send();
    assert_eq!(part(&tag).await.status, 206);
    let all = part("\"other\"").await;
    assert_eq!((all.status, all.body.len()), (200, bytes.len()));
}

#[tokio::test]
async fn there_is_no_way_out_of_the_media_folder() {
    let site = Site::shared().await;
    for path in [
        "/media/nothing",
        "/media/",
        "/media/../user.db",
        "/media/..%2fuser.db",
        "/media/%2e%2e/user.db",
        "/media/..%5cuser.db",
        "/media//etc/passwd",
        "/media/%00",
        "/media/%ff",
        &format!("/media/{}", "x".repeat(3000)),
    ] {
        // By hand, because a client would tidy the path up.
        let request = format!("GET {path} HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n");
        let answer = raw::ask(&site.http_address(), request.as_bytes()).await;
        assert!(matches!(answer.status, 400 | 404 | 414), "{path}: {}", answer.shown());
        assert_ne!(answer.code(), 10000, "{path}");
    }
}
