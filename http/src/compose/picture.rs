//! Pictures from users: judged by their content, and turned into vectors.

use bytes::Bytes;
use fanone_media::picture::{self, PictureLimits};
use fanone_vectors::to_bytes;
use volo_gen::fanone::user::SearchPicturesReq;

use super::Problem;
use crate::{calls, objects::PictureMatch, state::App};

/// A picture that can be read, with its vector.
pub(crate) struct Judged {
    pub(crate) kind: fanone_media::PictureKind,
    /// As it travels: float32, little endian.
    pub(crate) vector: Bytes,
}

/// Decodes a picture within the limits and makes its vector.
pub(crate) async fn judge(app: &App, data: Bytes) -> Result<Judged, Problem> {
    let media = &app.settings.media;
    let limits = PictureLimits { bytes_max: media.picture_max_bytes, side_max: media.picture_max_side };
    let opened = picture::open(data, limits).await?;
    let vector = app.model.embed(opened.preview).await?;
    Ok(Judged { kind: opened.kind, vector: to_bytes(&vector).into() })
}

/// The pictures most like this one, the best first.
pub(crate) async fn similar(app: &App, data: Bytes, limit: i32) -> Result<Vec<PictureMatch>, Problem> {
    let Judged { vector, .. } = judge(app, data).await?;
    let request = SearchPicturesReq { vector, model: app.model.name().to_owned().into(), limit };
    let answer = calls::answer(app.services.user.search_pictures(request)).await?;
    Ok(answer.items.into_iter().map(|found| app.view.picture(found)).collect())
}
