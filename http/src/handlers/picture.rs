//! Search by picture.

use fanone_base::{Code, InvalidField};
use utoipa::ToSchema;

use crate::{
    compose::{Problem, picture},
    envelope::{Answer, Envelope},
    extract::{Fields, FromFields, Picture},
    objects::{Items, PictureMatch},
    openapi::PictureForm,
    refusal::Refusal,
    state::App,
};

const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MAX: i64 = 100;

/// The URL of the avatar or cover that is most like a picture.
#[utoipa::path(post, path = "/user/image/search", tag = "picture",
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<String>)))]
pub(crate) async fn search_best(
    app: App,
    Picture { data, fields: (), .. }: Picture<()>,
) -> Result<Answer<String>, Refusal> {
    let best = picture::similar(&app, data, 1).await?.pop();
    Ok(Answer(best.ok_or(Problem::Refused(Code::NoPictureFound))?.url))
}

/// The form of a search for several pictures.
#[derive(Debug, ToSchema)]
#[schema(as = PictureSearch)]
#[expect(dead_code, reason = "for the API document")]
pub(crate) struct SearchForm {
    /// JPEG, PNG, WebP or GIF, at most 5 MiB and 8192 pixels a side.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    data: String,
    #[schema(value_type = i32, required = false, minimum = 1, maximum = 100, default = 10)]
    limit: Option<i32>,
}

#[derive(Debug)]
pub(crate) struct Search {
    limit: i32,
}

impl FromFields for Search {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        let limit = fields.optional_integer("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
        // Checked to be small.
        Ok(Self { limit: i32::try_from(limit).unwrap_or(i32::MAX) })
    }
}

/// The avatars and covers that are most like a picture, the best first.
#[utoipa::path(post, path = "/image/search", tag = "picture",
    request_body(content = SearchForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Envelope<Items<PictureMatch>>)))]
pub(crate) async fn search(
    app: App,
    Picture { data, fields, .. }: Picture<Search>,
) -> Result<Answer<Items<PictureMatch>>, Refusal> {
    Ok(Answer(Items { items: picture::similar(&app, data, fields.limit).await? }))
}
