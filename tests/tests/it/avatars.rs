//! Avatars: taken by content, shown by URL.

use fanone_tests::{Code, Json as _, Site, pictures};
use image::ImageFormat;

#[tokio::test]
async fn an_avatar_is_shown_as_it_was_uploaded() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let picture = pictures::png(1);

    let user = alice.put("/user/avatar/upload").file("me.png", picture.clone()).send().await.success();

    assert_eq!(user.text("id"), alice.id);
    let url = user.text("avatar_url");
    assert_eq!(alice.user_info(&alice.id).await.text("avatar_url"), url);
    let shown = site.guest().get(&url).send().await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
    assert_eq!(shown.body, picture);
}

#[tokio::test]
async fn the_content_decides_what_a_picture_is_not_the_name() {
    let site = Site::shared().await;
    let alice = site.user("alice").await;
    let upload = |name: &str, content: Vec<u8>| alice.put("/user/avatar/upload").file(name, content).send();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        upload("no-picture.txt", pictures::encode(2, format)).await.success();
    }
    for (name, content) in [("me.png", "just text"), ("me.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")]
    {
        upload(name, content.as_bytes().to_vec()).await.refused(Code::NotAPicture);
    }
}

#[tokio::test]
async fn a_new_avatar_replaces_the_old_one() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let upload = |number| alice.put("/user/avatar/upload").file("me.jpg", pictures::jpeg(number)).send();
    let old = upload(3).await.success().text("avatar_url");
    let new = upload(4).await.success().text("avatar_url");

    assert_ne!(old, new);
    assert_eq!(site.guest().get(&new).send().await.body, pictures::jpeg(4));
    fanone_tests::eventually("the old picture goes", async || {
        match site.guest().get(&old).send().await.status {
            404 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    assert_eq!(site.media_files().len(), 1, "{:?}", site.media_files());
}
