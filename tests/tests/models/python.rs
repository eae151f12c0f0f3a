//! The server in Python, from the running site.

use std::path::PathBuf;

use fanone_tests::{
    Code, Json as _, Site, clips,
    embedding::{Embedding, Mood},
    eventually, pictures,
    relay::Mode,
    site::SERVICES,
};

use crate::{SOON, altered, found, search, with_avatar};

/// So long a test's site waits for a vector.
const TIMEOUT: (&str, &str) = ("model.timeout_ms", "3000");

/// A site, and the model that it asks.
async fn pair() -> (Site, Embedding) {
    let mut model = Embedding::prepare();
    let site = Site::with(&[("model.url", &model.url()), TIMEOUT, SOON]).await;
    model.start(&keys(&site)).await;
    (site, model)
}

fn keys(site: &Site) -> PathBuf {
    site.data_dir().join("keys")
}

async fn failures(site: &Site, reason: &str) -> f64 {
    let metrics = site.metrics().await;
    let of_reason = |sample: &&fanone_tests::metrics::Sample| {
        sample.name == "fanone_model_failures_total" && sample.label("reason") == reason
    };
    metrics.samples.iter().filter(of_reason).map(|sample| sample.value).sum()
}

#[tokio::test]
async fn pictures_are_found_by_a_model_in_python() {
    let (site, _model) = pair().await;
    let mut urls = Vec::new();
    for number in 0..6 {
        urls.push(with_avatar(&site, number).await.1);
    }
    for (number, url) in (0..).zip(&urls) {
        found(&site, altered(number), url).await;
    }
    assert_eq!(failures(&site, "answer").await, 0.0);
}

#[tokio::test]
async fn a_model_is_found_by_the_registry_under_any_name() {
    let mut model = Embedding::prepare();
    let mut site = Site::prepared(&[TIMEOUT, SOON]).await;
    let services = SERVICES.iter().map(|name| format!("fanone.{name}")).zip(site.rpc_addresses());
    let mut places: Vec<_> = services.map(|(name, address)| format!("{name}={address}")).collect();
    places.push(format!("models.colours={}", model.address()));
    site.set("registry.url", &format!("static:{}", places.join(",")));
    site.set("model.url", &Embedding::url_of_service("models.colours"));
    site.launch().await;
    model.start(&keys(&site)).await;
    let (_, url) = with_avatar(&site, 20).await;
    found(&site, altered(20), &url).await;
}

/// While the model is in trouble everything but the search goes on, and once it is well again what came meanwhile is found.
async fn nothing_is_lost(site: &Site, number: u32, reason: &str, makes_it_well: impl AsyncFnOnce()) {
    let before = failures(site, reason).await;
    let (user, avatar) = with_avatar(site, number.into()).await;
    let video = user.publish_clip(&format!("in trouble {number}"), clips::clip(number)).await;
    search(site, pictures::png(number.into())).await.rejected(503, Code::Unavailable);
    assert!(failures(site, reason).await > before, "{reason}");
    makes_it_well().await;
    found(site, pictures::png(number.into()), &avatar).await;
    let cover = user.get(&video.text("cover_url")).send().await.body.to_vec();
    found(site, cover, &video.text("cover_url")).await;
}

#[tokio::test]
async fn a_model_that_is_stalled_or_killed_loses_no_upload() {
    let (site, mut model) = pair().await;
    model.set_way(Mode::Stall);
    nothing_is_lost(&site, 11, "timeout", async || model.set_way(Mode::Pass)).await;
    model.kill().await;
    nothing_is_lost(&site, 12, "unreachable", async || model.start(&keys(&site)).await).await;
}

#[tokio::test]
async fn a_model_that_answers_wrongly_loses_no_upload() {
    let (site, model) = pair().await;
    for (number, mood, reason) in
        [(13, Mood::Nan, "answer"), (14, Mood::Short, "answer"), (15, Mood::Broken, "refused")]
    {
        model.be(mood);
        nothing_is_lost(&site, number, reason, async || model.be(Mood::Well)).await;
    }
}

#[tokio::test]
async fn a_model_by_another_name_or_length_is_recognised() {
    let mut model = Embedding::prepare();
    let url = model.url_with("name=colours&dimension=300");
    let mut site = Site::with(&[("model.url", &url), TIMEOUT, SOON]).await;
    model.start(&keys(&site)).await;
    for (number, url, reason) in [
        (16, model.url_with("name=colours&dimension=300"), "answer"),
        (17, model.url_with("name=shapes&dimension=304"), "refused"),
    ] {
        site.kill().await;
        site.set("model.url", &url);
        site.launch().await;
        with_avatar(&site, number).await;
        search(&site, pictures::png(number)).await.rejected(503, Code::Unavailable);
        assert!(failures(&site, reason).await > 0.0, "{reason}");
    }
}

#[tokio::test]
async fn a_site_that_the_model_does_not_know_is_refused() {
    let mut model = Embedding::prepare();
    let site = Site::with(&[("model.url", &model.url()), TIMEOUT, SOON]).await;
    let other = Site::shared().await;
    model.start(&keys(other)).await;
    with_avatar(&site, 18).await;
    search(&site, pictures::png(18)).await.rejected(503, Code::Unavailable);
    assert!(failures(&site, "refused").await > 0.0);
    eventually("the model says so", async || {
        if model.log().contains("a call was refused") { Ok(()) } else { Err(model.log()) }
    })
    .await;
}

#[tokio::test]
async fn nobody_waits_for_what_was_just_waited_for() {
    let (site, model) = pair().await;
    model.set_way(Mode::Stall);
    with_avatar(&site, 19).await;
    eventually("it is left alone", async || {
        search(&site, pictures::png(19)).await.rejected(503, Code::Unavailable);
        if failures(&site, "resting").await > 0.0 { Ok(()) } else { Err("it is asked each time".to_owned()) }
    })
    .await;
}
