//! What these tests do again and again.

use fanone_tests::{Client, Json as _, Milvus, Site, eventually, pictures};

/// The site's Milvus; without one these tests have no sense.
pub(crate) fn milvus(site: &Site) -> &Milvus {
    site.milvus().expect("FANONE_TEST_VECTORS=milvus")
}

/// Gives a new user the picture `number` as their avatar, and answers its URL.
pub(crate) async fn avatar(site: &Site, number: u8) -> String {
    let user = site.user("somebody").await;
    let request = user.put("/user/avatar/upload").file("avatar.png", pictures::png(number.into()));
    request.send().await.success().text("avatar_url")
}

pub(crate) async fn search(guest: &Client, number: u8) -> fanone_tests::Answer {
    let request = guest.post("/image/search").with("limit", 1);
    request.file("query.png", pictures::png(number.into())).send().await
}

pub(crate) async fn found(site: &Site, number: u8, url: &str) {
    let guest = site.guest();
    eventually("the picture is found", async || {
        let answer = search(&guest, number).await;
        if answer.status == 200 && answer.pictures().first().is_some_and(|best| best.text("url") == url) {
            return Ok(());
        }
        Err(answer.shown())
    })
    .await;
}
