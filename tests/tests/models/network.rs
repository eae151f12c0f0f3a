//! A network in a file, run by the front.

use std::fs;

use fanone_tests::{Json as _, Site, clips, eventually, pictures, repository};

use crate::{SOON, altered, found, search, with_avatar};

fn small() -> String {
    format!("onnx:{}", repository("assets/models/small.onnx").display())
}

#[tokio::test]
async fn altered_copies_of_avatars_and_covers_are_found_by_a_network() {
    let site = Site::with(&[("model.url", &small())]).await;
    let mut avatars = Vec::new();
    for number in 0..6 {
        avatars.push(with_avatar(&site, number).await);
    }
    for (number, (_, url)) in (0..).zip(&avatars) {
        found(&site, altered(number), url).await;
    }
    let video = avatars[0].0.publish_clip("found", clips::clip(1)).await;
    let cover = avatars[0].0.get(&video.text("cover_url")).send().await.body.to_vec();
    eventually("the cover is found", async || {
        let best = search(&site, cover.clone()).await.success();
        if best == video.text("cover_url") { Ok(()) } else { Err(best.to_string()) }
    })
    .await;
    assert!(site.metrics().await.sum("fanone_model_embed_duration_seconds_count") > 6.0);
}

#[tokio::test]
async fn a_changed_model_describes_everything_anew_and_no_search_finds_less_meanwhile() {
    const AVATARS: u64 = 60;
    let mut site = Site::with(&[]).await;
    let mut urls = Vec::new();
    for number in 0..AVATARS {
        urls.push(with_avatar(&site, number).await.1);
    }
    for (number, url) in (0..).zip(&urls) {
        found(&site, pictures::png(number), url).await;
    }
    // The file of one is gone: there can be no vector of it.
    let (lost, _) = site.media_files().remove(0);
    let place =
        urls.iter().position(|url| url.ends_with(lost.file_name().unwrap().to_str().unwrap())).unwrap();
    fs::remove_file(&lost).unwrap();

    site.kill().await;
    site.set("model.url", &small());
    site.set("model.previous", "builtin:");
    site.set(SOON.0, SOON.1);
    site.launch().await;
    let described = async |site: &Site| site.metrics().await.sum("fanone_model_described_later_total") as u64;
    let mut rounds = 0;
    loop {
        let before = described(&site).await;
        for number in [0, 17, 34, 51]
            .map(|number| (number + rounds) % AVATARS)
            .into_iter()
            .filter(|it| *it as usize != place)
        {
            let best = search(&site, pictures::png(number)).await.success();
            assert_eq!(best, urls[number as usize].as_str(), "picture {number}, {before} are described");
        }
        rounds += 1;
        if before == AVATARS {
            break;
        }
    }
    let outcomes = site.metrics().await;
    let none = outcomes
        .samples
        .iter()
        .find(|one| one.name == "fanone_model_described_later_total" && one.label("outcome") == "none");
    assert_eq!(none.map(|sample| sample.value), Some(1.0));

    // The new model alone, after a restart: all of it is in the rows.
    site.kill().await;
    site.set("model.previous", "");
    site.launch().await;
    for (number, url) in (0..).zip(&urls).filter(|(number, _)| *number as usize != place) {
        found(&site, pictures::png(number), url).await;
    }
    assert_eq!(described(&site).await, 0, "nothing is described twice");
}

#[tokio::test]
async fn a_file_that_holds_no_network_ends_the_start_with_the_setting_that_names_it() {
    let site = Site::prepared(&[]).await;
    let broken = site.data_dir().join("broken.onnx");
    fs::create_dir_all(site.data_dir()).unwrap();
    fs::write(&broken, "no network").unwrap();
    let (broken, small) = (format!("onnx:{}", broken.display()), small());
    for settings in [
        [("model.url", broken.as_str()), ("model.previous", "")],
        [("model.url", "onnx:/nowhere.onnx"), ("model.previous", "builtin:")],
        [("model.url", small.as_str()), ("model.previous", broken.as_str())],
        [("model.url", "thrift://127.0.0.1:1?name=m"), ("model.previous", "")],
    ] {
        let output = site.command_output_with(&[], &settings).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let key = if settings[0].1 == small { "model.previous" } else { "model.url" };
        assert!(!output.status.success() && told.contains(&format!("- {key} ")), "{settings:?}: {told}");
    }
}
