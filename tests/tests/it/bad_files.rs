//! Files that are not what they should be. None of them leaves anything behind.

use fanone_tests::{Client, Code, Json as _, Request, Site, clips, pictures};

const PICTURE_MAX: usize = 5 * 1024 * 1024;

fn avatar(user: &Client, content: Vec<u8>) -> Request {
    user.put("/user/avatar/upload").file("me.png", content)
}

fn video(user: &Client, content: Vec<u8>) -> Request {
    user.post("/video/publish").with("title", "refused").file("clip.mp4", content)
}

async fn assert_nothing_stored(site: &Site, user: &Client) {
    fanone_tests::eventually("no file is left", async || {
        let files = site.media_files();
        if files.is_empty() { Ok(()) } else { Err(format!("{files:?}")) }
    })
    .await;
    let list = user.get("/video/list").with("user_id", &user.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 0);
    assert_eq!(user.user_info(&user.id).await.text("avatar_url"), "");
}

#[tokio::test]
async fn what_is_no_video_is_refused_by_content() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let html = b"<html><body>no film</body></html>".repeat(1000);
    let head_alone = clips::clip(1).into_iter().take(12).collect();
    for content in [pictures::png(1), pictures::jpeg(1), b"text".to_vec(), html, head_alone, vec![0; 100_000]]
    {
        video(&alice, content).send().await.refused(Code::NotAVideo);
    }
    let empty = video(&alice, Vec::new()).send().await;
    assert!(matches!(empty.code(), 10002 | 13002), "{}", empty.shown());
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn what_is_no_whole_picture_is_refused() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let whole = pictures::png(1);
    let half = whole[..whole.len() / 2].to_vec();
    let mut broken = whole.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 64].fill(0xff);
    for content in
        [half, broken, b"\x89PNG\r\n\x1a\n".to_vec(), b"GIF89a".to_vec(), b"text".to_vec(), clips::clip(1)]
    {
        avatar(&alice, content.clone()).send().await.refused(Code::NotAPicture);
        let search = site.guest().post("/user/image/search").file("me.png", content);
        search.send().await.refused(Code::NotAPicture);
    }
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn a_decompression_bomb_is_refused_before_it_goes_off() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let before_kib = site.peak_memory_kib();
    for side in [8193, 60_000, u32::MAX >> 1] {
        let answer = avatar(&alice, pictures::bomb(side)).send().await;
        assert!(matches!(answer.code(), 10002 | 12006), "{}", answer.shown());
    }
    let raised_kib = site.peak_memory_raised_kib(before_kib);
    assert!(raised_kib < 64 * 1024, "{raised_kib} KiB for a picture of a few bytes");
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn a_picture_over_the_limit_is_refused() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut large = pictures::png(1);
    large.resize(PICTURE_MAX + 1, 0);
    let answer = avatar(&alice, large).send().await;
    assert!(matches!(answer.status, 200 | 413), "{}", answer.shown());
    assert_eq!(answer.code(), 10002, "{}", answer.shown());
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn a_video_over_the_limit_is_refused_by_length_and_in_chunks() {
    let site = Site::with(&[("media.video_max_bytes", "1000000")]).await;
    let alice = site.user("alice").await;
    let by_length = video(&alice, clips::padded(1_000_001)).send().await;
    assert!(matches!(by_length.status, 200 | 413), "{}", by_length.shown());
    assert_eq!(by_length.code(), 10002, "{}", by_length.shown());

    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nbig\r\n\
        --b\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.mp4\"\r\n\r\n"
        .to_vec();
    body.extend(clips::padded(1_500_000));
    body.extend(b"\r\n--b--\r\n");
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.chunks(65_536).map(|piece| Ok(piece.to_vec())).collect();
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let request = alice.post("/video/publish").body("multipart/form-data; boundary=b", chunked);
    let in_chunks = request.send().await;
    assert!(matches!(in_chunks.status, 200 | 413), "{}", in_chunks.shown());
    assert_eq!(in_chunks.code(), 10002, "{}", in_chunks.shown());
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn two_files_are_one_too_many() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    avatar(&alice, pictures::png(1)).file("two.png", pictures::png(2)).send().await.names_field("data");
    video(&alice, clips::clip(1)).file("two.mp4", clips::clip(1)).send().await.names_field("data");
    assert_nothing_stored(&site, &alice).await;
}

#[tokio::test]
async fn a_file_where_a_field_should_be_is_refused() {
    let site = Site::shared().await;
    let body =
        "--b\r\nContent-Disposition: form-data; name=\"username\"; filename=\"x\"\r\n\r\nalice\r\n--b--\r\n";
    let request = site.guest().post("/user/register").body("multipart/form-data; boundary=b", body);
    let answer = request.send().await;
    assert_eq!(answer.code(), 10002, "{}", answer.shown());
}

#[tokio::test]
async fn a_file_name_is_never_a_path() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    for name in ["../../escaped.mp4", "/etc/passwd", "a\\b.mp4", "nul\u{0}.mp4", "引号\".mp4"] {
        let request = alice.post("/video/publish").with("title", "named").file(name, clips::clip(1));
        // A name that can't be written in a header may be refused; a video that is taken lies in the store.
        request.send().await.code();
    }
    let outside = site.data_dir().parent().unwrap().join("escaped.mp4");
    assert!(!outside.exists());
}
