//! Pictures from users: judged by their content, and found by their vectors.

use std::collections::HashMap;

use bytes::Bytes;
use fanone_media::picture::{self, Picture, PictureLimits};
use fanone_vectors::Model;
use image::DynamicImage;
use volo_gen::fanone::user::{self, SearchPicturesReq, SearchPicturesResp};

use super::Problem;
use crate::{calls, models::wire, objects::PictureMatch, state::App};

/// Decodes a picture within the limits.
pub(crate) async fn judge(app: &App, data: Bytes) -> Result<Picture, Problem> {
    let media = &app.settings.media;
    let limits = PictureLimits { bytes_max: media.picture_max_bytes, side_max: media.picture_max_side };
    Ok(picture::open(data, limits).await?)
}

/// The pictures most like this one, the best first.
pub(crate) async fn similar(app: &App, data: Bytes, limit: i32) -> Result<Vec<PictureMatch>, Problem> {
    let picture = judge(app, data).await?.preview;
    let models = &app.models;
    // Asked first: a picture that passes from one model to the other meanwhile is found by the second.
    let before = match models.previous() {
        Some(previous) => Some(search(app, previous, picture.clone(), limit).await),
        None => None,
    };
    let present = search(app, &models.present, picture, limit).await;
    if let Ok(found) = &present {
        models.note(found.complete);
    }
    let items = match before {
        // Each picture has a vector of one of the two.
        Some(before) => both(present, before, limit)?,
        None => present?.items,
    };
    Ok(items.into_iter().map(|found| app.view.picture(found)).collect())
}

/// What two models find; if one of them is away, what the other one finds.
fn both(
    one: Result<SearchPicturesResp, Problem>,
    other: Result<SearchPicturesResp, Problem>,
    limit: i32,
) -> Result<Vec<user::PictureMatch>, Problem> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(merged(one.items, other.items, limit)),
        (Ok(found), Err(Problem::Model(error))) | (Err(Problem::Model(error)), Ok(found)) => {
            tracing::warn!(error = fanone_telemetry::chain(&error), "one of two models is away");
            Ok(found.items)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

async fn search(
    app: &App,
    model: &Model,
    picture: DynamicImage,
    limit: i32,
) -> Result<SearchPicturesResp, Problem> {
    let vector = wire(&model.embed(picture).await?);
    let request = SearchPicturesReq { vector, model: model.name().to_owned().into(), limit };
    Ok(calls::answer(app.services.user.search_pictures(request)).await?)
}

/// The best of both, each picture once.
fn merged(
    one: Vec<user::PictureMatch>,
    other: Vec<user::PictureMatch>,
    limit: i32,
) -> Vec<user::PictureMatch> {
    let mut by_key: HashMap<_, user::PictureMatch> = HashMap::new();
    for found in one.into_iter().chain(other) {
        match by_key.get(&found.key) {
            Some(known) if known.score >= found.score => {}
            _ => drop(by_key.insert(found.key.clone(), found)),
        }
    }
    let mut all: Vec<_> = by_key.into_values().collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    all.truncate(usize::try_from(limit).unwrap_or_default());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_models_the_best_come_first_and_each_picture_once() {
        let found = |key: &'static str, score| user::PictureMatch {
            key: key.into(),
            score,
            user_id: 1,
            video_id: None,
        };
        let one = vec![found("a", 0.9), found("b", 0.5)];
        let other = vec![found("b", 0.8), found("c", 0.7), found("d", 0.1)];
        let keys: Vec<_> = merged(one, other, 3).into_iter().map(|found| found.key).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }
}
