//! Resumable upload, tus 1.0.0: what a patient client does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fanone_tests::{Answer, Client, Json as _, Site, clips, eventually, raw, tus};
use reqwest::Method;
use sha1::{Digest as _, Sha1};
use tokio::io::AsyncWriteExt as _;

const DESCRIPTION: &str = "断点续传, in pieces";

fn metadata(title: &str) -> String {
    let (title, description) = (STANDARD.encode(title), STANDARD.encode(DESCRIPTION));
    format!("title {title},filename {},description {description}", STANDARD.encode("clip.mp4"))
}

/// Checks that `answer` published `file` under `title`, byte by byte.
async fn assert_published(user: &Client, answer: &Answer, title: &str, file: &[u8]) {
    let video = user.video_info(answer.header("video-id")).await;
    assert_eq!((video.text("title"), video.text("user_id")), (title.to_owned(), user.id.clone()));
    assert_eq!(video.text("description"), DESCRIPTION);
    let stored = user.get(&video.text("video_url")).send().await;
    assert_eq!(stored.status, 200);
    assert!(stored.body == file, "the stored file is another one: {} bytes", stored.body.len());
}

#[tokio::test]
async fn options_tell_what_the_site_can_do() {
    let site = Site::shared().await;
    let answer = site.guest().request(Method::OPTIONS, "/upload/").send().await;
    assert!(matches!(answer.status, 200 | 204), "{}", answer.shown());
    assert_eq!((answer.header("tus-resumable"), answer.header("tus-version")), ("1.0.0", "1.0.0"));
    assert_eq!(answer.header("tus-max-size"), "2147483648");
    assert!(answer.header("tus-checksum-algorithm").split(',').any(|name| name == "sha1"));
    let mut extensions: Vec<_> = answer.header("tus-extension").split(',').map(str::trim).collect();
    extensions.sort_unstable();
    assert_eq!(extensions, ["checksum", "creation", "creation-with-upload", "expiration", "termination"]);
}

#[tokio::test]
async fn pieces_become_a_video_with_the_last_byte() {
    let site = Site::shared().await;
    let (alice, file) = (site.user("alice").await, clips::padded(300_000));
    let created = alice.tus_create(300_000, &metadata("分段上传")).send().await;
    let url = tus::location(&created);
    assert_ne!(created.header("upload-expires"), "");

    let mut published = None;
    for (number, piece) in file.chunks(100_000).enumerate() {
        let offset = number as u64 * 100_000;
        assert_eq!(alice.tus_offset(&url).await, offset);
        let answer = alice.tus_patch(&url, offset, piece.to_vec()).send().await;
        assert_eq!(answer.status, 204, "{}", answer.shown());
        assert_eq!(answer.header("upload-offset"), (offset + 100_000).to_string());
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
        published = Some(answer);
    }
    assert_published(&alice, &published.unwrap(), "分段上传", &file).await;
}

#[tokio::test]
async fn head_tells_the_length_and_is_not_cached() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let url = tus::location(&alice.tus_create(300_000, &metadata("head")).send().await);
    let head = alice.tus(Method::HEAD, &url).send().await;
    assert_eq!(
        (head.status, head.header("upload-length"), head.header("upload-offset")),
        (200, "300000", "0")
    );
    assert!(head.header("cache-control").contains("no-store"));
}

#[tokio::test]
async fn creation_may_carry_the_first_bytes_or_all() {
    let site = Site::shared().await;
    let (alice, file) = (site.user("alice").await, clips::padded(200_000));
    let with_upload = |title: &str, bytes: &[u8]| {
        let request = alice.tus_create(200_000, &metadata(title));
        request.body("application/offset+octet-stream", bytes.to_vec())
    };
    let whole = with_upload("whole", &file).send().await;
    tus::location(&whole);
    assert_eq!(whole.header("upload-offset"), "200000");
    assert_published(&alice, &whole, "whole", &file).await;

    let part = with_upload("part", &file[..50_000]).send().await;
    assert_eq!(part.header("upload-offset"), "50000");
    let url = tus::location(&part);
    let last = alice.tus_patch(&url, 50_000, file[50_000..].to_vec()).send().await;
    assert_published(&alice, &last, "part", &file).await;
}

#[tokio::test]
async fn a_piece_that_breaks_off_is_kept_as_far_as_it_came() {
    let site = Site::shared().await;
    let (alice, file) = (site.user("alice").await, clips::padded(2_000_000));
    let url = tus::location(&alice.tus_create(2_000_000, &metadata("broken off")).send().await);
    break_off(site, &alice, &url, &file[..1_000_000], 2_000_000).await;

    let offset = eventually("the site notices", async || match alice.tus_offset(&url).await {
        0 => Err("still at 0".to_owned()),
        offset => Ok(offset),
    })
    .await;
    assert!(offset <= 1_000_000);
    let last = finish(&alice, &url, &file).await;
    assert_published(&alice, &last, "broken off", &file).await;
}

/// Sends the head of a PATCH that announces `length` bytes, then only `bytes`, and hangs up.
async fn break_off(site: &Site, user: &Client, url: &str, bytes: &[u8], length: usize) {
    let path = url.replace(&site.url(""), "");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nAccess-Token: {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n",
        site.http_address(),
        user.access,
    );
    let mut stream = raw::connect(&site.http_address()).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// Sends what the site doesn't have yet.
async fn finish(user: &Client, url: &str, file: &[u8]) -> Answer {
    // The broken piece may still be on its way in when the first try comes: ask again, as clients do.
    eventually("the rest is taken", async || {
        let offset = user.tus_offset(url).await;
        let rest = file[usize::try_from(offset).unwrap()..].to_vec();
        let answer = user.tus_patch(url, offset, rest).send().await;
        if answer.status == 204 { Ok(answer) } else { Err(answer.shown()) }
    })
    .await
}

#[tokio::test]
async fn an_upload_goes_on_after_the_server_was_killed() {
    const SEGMENT: u64 = 65_536;
    let mut site = Site::with(&[("upload.segment_bytes", "65536")]).await;
    let (alice, file) = (site.user("alice").await, clips::padded(1_000_000));
    let url = tus::location(&alice.tus_create(1_000_000, &metadata("survivor")).send().await);
    let first = alice.tus_patch(&url, 0, file[..400_000].to_vec()).send().await;
    assert_eq!(first.status, 204, "{}", first.shown());

    site.restart().await;

    let offset = alice.tus_offset(&url).await;
    assert!((400_000 - SEGMENT..=400_000).contains(&offset), "{offset}");
    let last = finish(&alice, &url, &file).await;
    assert_published(&alice, &last, "survivor", &file).await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_piece_loses_a_segment_at_most() {
    const SEGMENT: u64 = 65_536;
    let mut site = Site::with(&[("upload.segment_bytes", "65536")]).await;
    let (alice, file) = (site.user("alice").await, clips::padded(1_000_000));
    let url = tus::location(&alice.tus_create(1_000_000, &metadata("cut")).send().await);
    let path = url.replace(&site.url(""), "");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nAccess-Token: {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 1000000\r\n\r\n",
        site.http_address(),
        alice.access,
    );
    let mut stream = raw::connect(&site.http_address()).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&file[..500_000]).await.unwrap();
    eventually("the bytes are on the disk", async || {
        let stored: u64 = site.media_files().iter().map(|(_, size)| size).sum();
        if stored >= 500_000 - SEGMENT { Ok(()) } else { Err(stored.to_string()) }
    })
    .await;

    site.restart().await;

    let offset = alice.tus_offset(&url).await;
    assert!((500_000 - 2 * SEGMENT..=500_000).contains(&offset), "{offset}");
    let last = finish(&alice, &url, &file).await;
    assert_published(&alice, &last, "cut", &file).await;
}

#[tokio::test]
async fn a_checksum_that_fits_is_taken_and_another_is_not() {
    let site = Site::shared().await;
    let (alice, file) = (site.user("alice").await, clips::padded(200_000));
    let url = tus::location(&alice.tus_create(200_000, &metadata("checked")).send().await);
    let checksum = |bytes: &[u8]| format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)));
    let send = |sum: String| alice.tus_patch(&url, 0, file.clone()).header("upload-checksum", &sum).send();

    assert_eq!(send(checksum(b"something else")).await.status, 460);
    assert_eq!(alice.tus_offset(&url).await, 0, "the wrong bytes are dropped");
    assert_eq!(send("crc32 AAAA".to_owned()).await.status, 400, "an algorithm that nobody offered");
    let last = send(checksum(&file)).await;
    assert_published(&alice, &last, "checked", &file).await;
}

#[tokio::test]
async fn a_terminated_upload_leaves_nothing() {
    let site = Site::start().await;
    let (alice, file) = (site.user("alice").await, clips::padded(200_000));
    let url = tus::location(&alice.tus_create(200_000, &metadata("given up")).send().await);
    alice.tus_patch(&url, 0, file[..100_000].to_vec()).send().await;

    assert_eq!(alice.tus_terminate(&url).await.status, 204);

    assert!(matches!(alice.tus(Method::HEAD, &url).send().await.status, 404 | 410));
    assert!(matches!(alice.tus_terminate(&url).await.status, 404 | 410));
    assert_eq!(site.media_files(), []);
}

#[tokio::test]
async fn an_unfinished_upload_expires() {
    let site = Site::with(&[("upload.lifetime_s", "2")]).await;
    let (alice, file) = (site.user("alice").await, clips::padded(200_000));
    let url = tus::location(&alice.tus_create(200_000, &metadata("forgotten")).send().await);
    alice.tus_patch(&url, 0, file[..100_000].to_vec()).send().await;
    eventually("the upload expires", async || match alice.tus(Method::HEAD, &url).send().await.status {
        404 | 410 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn the_last_piece_sent_twice_publishes_once() {
    let site = Site::shared().await;
    let (alice, file) = (site.user("alice").await, clips::padded(100_000));
    let url = tus::location(&alice.tus_create(100_000, &metadata("once")).send().await);
    alice.tus_patch(&url, 0, file[..50_000].to_vec()).send().await;
    let last = || alice.tus_patch(&url, 50_000, file[50_000..].to_vec()).send();
    tokio::join!(last(), last());
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 1);
}
