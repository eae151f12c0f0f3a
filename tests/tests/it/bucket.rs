//! What is special about media in a bucket of S3. All else is tested as in a folder.

use fanone_tests::{Code, Json as _, Site, clips, eventually, relay::Mode, tus, world::is_bucket};

#[tokio::test]
async fn who_asks_for_a_file_may_be_sent_to_the_bucket() {
    if !is_bucket() {
        return;
    }
    let site = Site::with(&[("media.redirect_s", "60")]).await;
    let alice = site.user("alice").await;
    let url = alice.publish("elsewhere").await.text("video_url");
    let guest = site.guest();
    let asked = || guest.get(&url).send();

    let there = asked().await;
    assert_eq!((there.status, there.header("cache-control")), (302, "no-store"), "{}", there.shown());
    let place = there.header("location").to_owned();
    assert!(place.contains("X-Amz-Expires=60"), "{place}");
    assert!(!place.contains(&site.bucket_secret()), "{place}");

    let whole = guest.get(&place).send().await;
    assert_eq!((whole.status, whole.header("content-type")), (200, "video/mp4"));
    let part = guest.get(&place).header("range", "bytes=10-19").send().await;
    assert_eq!((part.status, part.body.as_ref()), (206, &whole.body[10..20]));
    let forged = guest.get(&place.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).send().await;
    assert_eq!(forged.status, 403, "{}", forged.shown());

    let head = guest.head(&url).send().await;
    assert_eq!((head.status, head.header("content-length")), (200, whole.body.len().to_string().as_str()));
    let known = guest.get(&url).header("if-none-match", head.header("etag")).send().await;
    assert_eq!(known.status, 304);
    assert_eq!(guest.get("/media/videos/none.mp4").send().await.status, 404);
}

#[tokio::test]
async fn while_the_bucket_is_away_only_media_are() {
    if !is_bucket() {
        return;
    }
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let video = alice.publish("before").await;
    let file = clips::padded(200_000);
    let upload = tus::location(&alice.tus_create(200_000, "title dXBsb2Fk").send().await);
    assert_eq!(alice.tus_patch(&upload, 0, file[..100_000].to_vec()).send().await.status, 204);

    site.set_way_to("media", Mode::Refuse);

    alice.get(&video.text("video_url")).send().await.rejected(503, Code::Unavailable);
    let rest = || alice.tus_patch(&upload, 100_000, file[100_000..].to_vec()).send();
    rest().await.rejected(503, Code::Unavailable);
    let form = alice.post("/video/publish").with("title", "during").file("clip.mp4", file.clone());
    form.send().await.rejected(503, Code::Unavailable);
    assert_eq!(alice.get("/video/feed").send().await.success().texts("title"), ["before"]);
    let [ready] = &site.admin_urls("/readyz")[..] else { return };
    let answer = alice.get(ready).send().await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("http.media"), "{}", answer.shown());

    site.set_way_to("media", Mode::Pass);

    assert_eq!(alice.get(&video.text("video_url")).send().await.status, 200);
    eventually("the upload goes on", async || match rest().await.status {
        204 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    assert_eq!(alice.get(ready).send().await.status, 200);
}
