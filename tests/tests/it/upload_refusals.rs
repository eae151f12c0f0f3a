//! Resumable upload: what is refused, at the status that tus says, and leaves nothing behind.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fanone_tests::{Client, Code, Json as _, Request, Site, clips, pictures, tus};
use reqwest::Method;

const LENGTH: u64 = 100_000;

fn title() -> String {
    format!("title {}", STANDARD.encode("refused"))
}

async fn begun(user: &Client) -> String {
    tus::location(&user.tus_create(LENGTH, &title()).send().await)
}

async fn status(request: Request) -> u16 {
    request.send().await.status
}

#[tokio::test]
async fn an_offset_that_does_not_fit_is_a_conflict_and_stores_nothing() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let url = begun(&alice).await;
    let file = clips::padded(LENGTH);
    alice.tus_patch(&url, 10, file[..10].to_vec()).send().await.rejected(409, Code::UploadOffset);
    alice.tus_patch(&url, u64::MAX, file[..10].to_vec()).send().await.rejected_at_one_of(&[400, 409]);
    assert_eq!(alice.tus_offset(&url).await, 0);
}

#[tokio::test]
async fn more_bytes_than_announced_are_refused() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let url = begun(&alice).await;
    let too_many = clips::padded(LENGTH + 1);
    alice.tus_patch(&url, 0, too_many).send().await.rejected_at_one_of(&[400, 409, 413]);
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 0);
}

#[tokio::test]
async fn another_version_is_a_failed_precondition() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let url = begun(&alice).await;
    let old = alice.tus_create(LENGTH, &title()).header("tus-resumable", "0.2.2").send().await;
    old.rejected(412, Code::UploadVersion);
    assert_eq!(old.header("tus-version"), "1.0.0");
    assert_eq!(status(alice.tus_patch(&url, 0, "x").header("tus-resumable", "2.0.0")).await, 412);
    assert_eq!(status(alice.tus_patch(&url, 0, "x").without_header("tus-resumable")).await, 412);
    assert_eq!(alice.tus_offset(&url).await, 0);
}

#[tokio::test]
async fn a_piece_has_one_content_type() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let url = begun(&alice).await;
    let piece = alice.tus_patch(&url, 0, "x").header("content-type", "application/octet-stream");
    piece.send().await.rejected_at(415);
}

#[tokio::test]
async fn headers_that_make_no_sense_are_refused() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let create = || alice.tus_create(LENGTH, &title());
    create().without_header("upload-length").send().await.rejected_at(400);
    for length in ["", "-1", "many", "99999999999999999999"] {
        let answer = create().header("upload-length", length).send().await;
        answer.rejected_at_one_of(&[400, 413]);
    }
    for metadata in ["title !!!", "title", "", "title /////w=="] {
        let answer = create().header("upload-metadata", metadata).send().await;
        assert_ne!(answer.status, 201, "{metadata}: {}", answer.shown());
        assert_eq!(answer.code(), 10002, "{metadata}: a missing or broken title");
    }
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_at_once() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    alice.tus_create(2_147_483_649, &title()).send().await.rejected_at(413);
}

#[tokio::test]
async fn unknown_uploads_are_not_found() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    for path in ["/upload/1", "/upload/nonsense", "/upload/99999999999999999999"] {
        assert_eq!(status(alice.tus(Method::HEAD, path)).await, 404, "{path}");
        assert_eq!(status(alice.tus_patch(path, 0, "x")).await, 404, "{path}");
        assert_eq!(status(alice.tus(Method::DELETE, path)).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_picture_or_text_is_refused_by_content_and_leaves_nothing() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    for content in [pictures::png(1), b"just a text, not a film ".repeat(100)] {
        let length = content.len() as u64;
        let url = tus::location(&alice.tus_create(length, &title()).send().await);
        let answer = alice.tus_patch(&url, 0, content.clone()).send().await;
        assert_eq!(answer.code(), 13002, "{}", answer.shown());
        alice.tus_terminate(&url).await;

        let with_creation = alice.tus_create(length, &title());
        let with_creation = with_creation.body("application/offset+octet-stream", content).send().await;
        assert_eq!(with_creation.code(), 13002, "{}", with_creation.shown());
    }
    let list = alice.get("/video/list").with("user_id", &alice.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 0);
    fanone_tests::eventually("no file is left", async || {
        let files = site.media_files();
        if files.is_empty() { Ok(()) } else { Err(format!("{files:?}")) }
    })
    .await;
}

#[tokio::test]
async fn an_upload_belongs_to_who_began_it() {
    let site = Site::shared().await;
    let (alice, eve) = (site.user("alice").await, site.user("eve").await);
    let url = begun(&alice).await;
    assert!(matches!(status(eve.tus(Method::HEAD, &url)).await, 403 | 404));
    assert!(matches!(status(eve.tus_patch(&url, 0, "x")).await, 403 | 404));
    assert!(matches!(status(eve.tus(Method::DELETE, &url)).await, 403 | 404));
    assert_eq!(status(site.guest().tus_patch(&url, 0, "x")).await, 401);
    assert_eq!(alice.tus_offset(&url).await, 0);
}
