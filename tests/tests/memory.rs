//! A large upload is streamed: it raises the memory of the process that takes it by little, however
//! long it is.

use fanone_tests::{Client, Json as _, Site, clips, tus};
use reqwest::Method;

const GIB: u64 = 1024 * 1024 * 1024;
const RAISE_MAX_KIB: u64 = 64 * 1024;

/// Runs `upload` and holds what it adds to the peak memory to the limit.
async fn assert_streamed(site: &Site, what: &str, upload: impl Future<Output = ()>) {
    let before_kib = site.peak_memory_kib();
    upload.await;
    let raised_kib = site.peak_memory_raised_kib(before_kib);
    println!("{what}: 1 GiB raised the peak memory from {before_kib} KiB by {raised_kib} KiB");
    assert!(raised_kib <= RAISE_MAX_KIB, "{what}: {raised_kib} KiB");
}

async fn assert_whole(user: &Client, title: &str) {
    let list = user.get("/video/list").with("user_id", &user.id).page(0, 10).send().await.success();
    let found = list.items().into_iter().find(|video| video.text("title") == title);
    let Some(video) = found else { panic!("`{title}` is not published: {list}") };
    let head = user.request(Method::HEAD, &video.text("video_url")).send().await;
    assert_eq!((head.status, head.header("content-length")), (200, GIB.to_string().as_str()));
    user.delete("/video/delete").with("video_id", video.text("id")).send().await.success();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_by_multipart_is_never_whole_in_memory() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    assert_streamed(&site, "multipart", async {
        let request = alice.post("/video/publish").with("title", "by multipart");
        request.stream("long.mp4", clips::padded_stream(GIB), GIB).send().await.success();
    })
    .await;
    assert_whole(&alice, "by multipart").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_by_tus_is_never_whole_in_memory() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let url = tus::location(&alice.tus_create(GIB, "title YnkgdHVz").send().await);
    assert_streamed(&site, "tus", async {
        let request = alice.tus(Method::PATCH, &url).header("upload-offset", "0");
        let request = request.header("content-length", &GIB.to_string());
        let request = request.body("application/offset+octet-stream", clips::padded_stream(GIB));
        let answer = request.send().await;
        assert_eq!(answer.status, 204, "{}", answer.shown());
    })
    .await;
    assert_whole(&alice, "by tus").await;
}
