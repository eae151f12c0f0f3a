//! Models of pictures other than the built-in one: a network in a file, and a program in Python.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

mod network;
mod python;

use std::io::Cursor;

use fanone_tests::{Answer, Client, Json as _, Site, eventually, pictures};
use image::codecs::jpeg::JpegEncoder;

/// How soon pictures are described that have no vector.
const SOON: (&str, &str) = ("model.describe_interval_ms", "200");

/// A user whose avatar is this picture, and the avatar's URL.
async fn with_avatar(site: &Site, number: u64) -> (Client, String) {
    let user = site.user("somebody").await;
    let answer = user.put("/user/avatar/upload").file("me.png", pictures::png(number)).send().await;
    let url = answer.success().text("avatar_url");
    (user, url)
}

/// The picture most like this one.
async fn search(site: &Site, picture: Vec<u8>) -> Answer {
    site.guest().post("/user/image/search").file("query", picture).send().await
}

/// Waits until this picture is found as `url`: the model may be asked again for it, and an index on a server hears of it a
/// moment later.
async fn found(site: &Site, picture: Vec<u8>, url: &str) {
    eventually("the picture is found", async || {
        let answer = search(site, picture.clone()).await;
        if answer.is_success() && answer.success() == url { Ok(()) } else { Err(answer.shown()) }
    })
    .await;
}

/// Half as large, a little brighter and strongly compressed.
fn altered(number: u64) -> Vec<u8> {
    let small = image::imageops::thumbnail(&pictures::picture(number), 80, 80);
    let brighter = image::imageops::colorops::brighten(&small, 15);
    let mut copy = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut copy, 50).encode_image(&brighter).unwrap();
    copy.into_inner()
}
