//! Two HTTP fronts on one media folder. In the embedded world each has a cache of its own, as if the cache server were
//! away: whatever they are asked at the same time must be right without it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fanone_tests::{Client, Json as _, Site, clips, eventually, tus};
use reqwest::Method;

const LENGTH: usize = 300_000;
const ROUNDS: usize = 5;

async fn begun(user: &Client) -> String {
    tus::location(
        &user.tus_create(LENGTH as u64, &format!("title {}", STANDARD.encode("two fronts"))).send().await,
    )
}

/// The user's only video, whose files are there: byte by byte what was sent, with its cover.
async fn assert_published_once(site: &Site, user: &Client, file: &[u8]) {
    let list = user.get("/video/list").with("user_id", &user.id).page(0, 10).send().await.success();
    assert_eq!(list.count("total"), 1);
    let video = list.items().first().cloned().unwrap();
    let stored = user.get(&video.text("video_url")).send().await;
    assert_eq!(stored.status, 200, "{}", site.log());
    assert!(stored.body == file, "the stored file is another one: {} bytes", stored.body.len());
    assert_eq!(user.get(&video.text("cover_url")).send().await.status, 200);
}

#[tokio::test]
async fn an_upload_goes_on_through_the_other_front() {
    let site = Site::shared().await;
    let other = site.second_front().await;
    let (user, file) = (site.user("alice").await, clips::padded(LENGTH as u64));
    let path = begun(&user).await;
    for (number, piece) in file.chunks(50_000).enumerate() {
        let offset = number as u64 * 50_000;
        let (here, there) = (path.clone(), other.url(&path));
        let (sent_to, asked_at) = if number % 2 == 0 { (there, here) } else { (here, there) };
        assert_eq!(user.tus_offset(&asked_at).await, offset);
        let answer = user.tus_patch(&sent_to, offset, piece.to_vec()).send().await;
        assert_eq!(answer.status, 204, "{}", answer.shown());
    }
    let there = user.tus(Method::HEAD, &other.url(&path)).send().await;
    let here = user.tus(Method::HEAD, &path).send().await;
    assert_ne!(there.header("video-id"), "");
    assert_eq!(there.header("video-id"), here.header("video-id"));
    assert_published_once(site, &user, &file).await;
}

#[tokio::test]
async fn an_upload_that_both_fronts_finish_at_once_is_one_video_with_its_file() {
    let site = Site::shared().await;
    let other = site.second_front().await;
    for _ in 0..ROUNDS {
        let (user, file) = (site.user("alice").await, clips::padded(LENGTH as u64));
        let path = begun(&user).await;
        let (here, there) = (path.clone(), other.url(&path));
        let half = LENGTH / 2;
        let answer = user.tus_patch(&here, 0, file[..half].to_vec()).send().await;
        assert_eq!(answer.status, 204, "{}", answer.shown());
        let last = |url: &str| user.tus_patch(url, half as u64, file[half..].to_vec()).send();
        let look = |url: &str| user.tus(Method::HEAD, url).send();
        let answers =
            tokio::join!(last(&here), last(&there), look(&here), look(&there), look(&here), look(&there));
        for answer in [&answers.0, &answers.1] {
            assert!(matches!(answer.status, 204 | 409 | 423), "{}", answer.shown());
        }
        // Whatever was refused: who asks again is told the video.
        eventually("both fronts know the video", async || {
            for url in [&here, &there] {
                let answer = look(url).await;
                if answer.header("video-id").is_empty() {
                    return Err(answer.shown());
                }
            }
            Ok(())
        })
        .await;
        assert_published_once(site, &user, &file).await;
    }
}
