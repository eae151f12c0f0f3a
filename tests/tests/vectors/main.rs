//! Image search on a Milvus: `FANONE_TEST_VECTORS=milvus`, and `scripts/servers up milvus`. What users see of it while all is
//! well is tested by `it image_search`.

#[cfg(test)]
mod outage;
#[cfg(test)]
mod rebuild;

use fanone_tests::{Client, Json as _, Milvus, Site, eventually, pictures};

/// The site's Milvus; without one these tests have no sense.
fn milvus(site: &Site) -> &Milvus {
    site.milvus().expect("FANONE_TEST_VECTORS=milvus")
}

/// Gives a new user the picture `number` as their avatar, and answers its URL.
async fn avatar(site: &Site, number: u8) -> String {
    let user = site.user("somebody").await;
    let request = user.put("/user/avatar/upload").file("avatar.png", pictures::png(number.into()));
    request.send().await.success().text("avatar_url")
}

async fn search(guest: &Client, number: u8) -> fanone_tests::Answer {
    let request = guest.post("/image/search").with("limit", 1);
    request.file("query.png", pictures::png(number.into())).send().await
}

async fn found(site: &Site, number: u8, url: &str) {
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
