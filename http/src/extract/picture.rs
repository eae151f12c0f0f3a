//! `Picture<T>`: a picture in the file field `data`, and the other fields of the operation.

use bytes::Bytes;
use fanone_base::InvalidField;
use http::request::Parts;
use http_body::Body as _;
use volo_http::{body::Body, context::ServerContext, server::extract::FromRequest};

use super::{
    body::{check_length, idle_stream},
    fields::{Fields, FromFields},
    form::unsupported,
    multipart,
};
use crate::{gate::Scope, refusal::Refusal};

/// The field that holds the file.
const FILE: &str = "data";
/// What the parts of a multipart body need beside the file: heads, boundaries, small fields.
const AROUND_BYTES: usize = 16 * 1024;

/// The bytes of a picture, which are still to be judged, and the operation's other fields.
#[derive(Debug)]
pub(crate) struct Picture<T> {
    pub(crate) data: Bytes,
    pub(crate) fields: T,
}

impl<T: FromFields> FromRequest for Picture<T> {
    type Rejection = Refusal;

    async fn from_request(cx: &mut ServerContext, parts: Parts, body: Body) -> Result<Self, Refusal> {
        let scope = Scope::of(cx)?;
        let settings = &scope.app.settings;
        let limit = settings.media.picture_max_bytes.saturating_add(AROUND_BYTES);
        let boundary = match multipart::boundary(&parts.headers) {
            Some(boundary) => boundary?,
            None if body.is_end_stream() => return Err(InvalidField::missing(FILE).into()),
            None => return Err(unsupported()),
        };
        check_length(&body, limit)?;
        let pieces = idle_stream(body, settings.http.body_idle_timeout());
        let mut fields = Fields::default();
        let data = multipart::read(pieces, boundary, limit, Some(FILE), &mut fields).await?;
        let data = data.ok_or_else(|| InvalidField::missing(FILE))?;
        if data.is_empty() {
            return Err(InvalidField::new(FILE, "is empty").into());
        }
        Ok(Self { data, fields: T::from_fields(&mut fields)? })
    }
}
