//! Finding pictures by a picture.

use std::io::Cursor;

use fanone_tests::{Code, Json as _, Site, clips, eventually, pictures};
use image::codecs::jpeg::JpegEncoder;

fn file(content: Vec<u8>, request: fanone_tests::Request) -> fanone_tests::Request {
    request.file("query.jpg", content)
}

#[tokio::test]
async fn a_copy_finds_its_original() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    for number in 0..5 {
        let other = site.user("other").await;
        file(pictures::png(200 + number), other.put("/user/avatar/upload")).send().await.success();
    }
    let user = file(pictures::png(100), alice.put("/user/avatar/upload")).send().await.success();

    // Half as large and strongly compressed.
    let small = image::imageops::thumbnail(&pictures::picture(100), 80, 80);
    let mut copy = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut copy, 40).encode_image(&small).unwrap();

    let search = || file(copy.get_ref().clone(), site.guest().post("/image/search").with("limit", 6)).send();
    eventually("all are in the library", async || match search().await.pictures().len() {
        6 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    let best = file(copy.get_ref().clone(), site.guest().post("/user/image/search")).send().await;
    assert_eq!(best.success(), user.text("avatar_url"));
    let list = file(copy.get_ref().clone(), site.guest().post("/image/search").with("limit", 3)).send().await;
    let found = list.success().items();
    assert_eq!(found.len(), 3);
    assert_eq!((found[0].text("url"), found[0].text("kind")), (user.text("avatar_url"), "avatar".to_owned()));
    assert_eq!(found[0].text("user_id"), alice.id);
    let scores: Vec<f64> = found.iter().map(|match_| match_["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(scores[0] > 0.9, "{scores:?}");
}

#[tokio::test]
async fn covers_are_found_while_their_video_lives_and_after_a_restart() {
    let mut site = Site::start().await;
    let alice = site.user("alice").await;
    let video = alice.publish_clip("findable", clips::clip(1)).await;
    let cover = alice.get(&video.text("cover_url")).send().await.body.to_vec();
    let search = async |site: &Site| {
        let request = site.guest().post("/image/search").with("limit", 10);
        request.file("cover", cover.clone()).send().await.pictures()
    };
    let found = eventually("the cover is in the library", async || {
        search(&site).await.into_iter().next().ok_or_else(|| "nothing".to_owned())
    })
    .await;
    assert_eq!((found.text("kind"), found.text("video_id")), ("cover".to_owned(), video.text("id")));
    assert_eq!(found.text("url"), video.text("cover_url"));

    site.restart().await;
    eventually("the library is back", async || match search(&site).await.len() {
        1 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;

    alice.delete("/video/delete").with("video_id", video.text("id")).send().await.success();
    eventually("the cover is gone", async || match search(&site).await.len() {
        0 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn a_replaced_avatar_is_not_found_any_more() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let search = || file(pictures::png(301), site.guest().post("/user/image/search")).send();
    search().await.refused(Code::NoPictureFound);
    let first = file(pictures::png(301), alice.put("/user/avatar/upload")).send().await.success();
    let second = file(pictures::png(302), alice.put("/user/avatar/upload")).send().await.success();
    let answer = search().await;
    assert_ne!(answer.json()["data"], first["avatar_url"]);
    eventually("the second is found", async || {
        let again = file(pictures::png(302), site.guest().post("/user/image/search")).send().await;
        if again.json()["data"] == second["avatar_url"] { Ok(()) } else { Err(again.shown()) }
    })
    .await;
}

#[tokio::test]
async fn the_limit_has_bounds_and_a_text_is_no_picture() {
    let site = Site::shared().await;
    for limit in ["0", "101", "-1", "many"] {
        let request = site.guest().post("/image/search").with("limit", limit);
        file(pictures::png(1), request).send().await.names_field("limit");
    }
    file(b"text".to_vec(), site.guest().post("/image/search")).send().await.refused(Code::NotAPicture);
    site.guest().post("/user/image/search").send().await.names_field("data");
}

#[tokio::test]
async fn there_is_nothing_to_reindex_where_each_process_has_its_own_index() {
    let site = Site::shared().await;
    let output = site.command_output_with(&["reindex"], &[("vectors.url", "memory:")]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("nothing to do"), "{output:?}");
}
