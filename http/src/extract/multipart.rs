//! `multipart/form-data`: text fields, and one file where the operation takes one.

use bytes::Bytes;
use fanone_base::InvalidField;
use futures::Stream;
use http::{HeaderMap, StatusCode, header};
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::{
    body::BodyFault,
    fields::{Fields, Value},
};
use crate::refusal::Refusal;

/// The boundary in `Content-Type`, if the body is multipart.
pub(crate) fn boundary(headers: &HeaderMap) -> Option<Result<String, Refusal>> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !super::form::essence(text).eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    Some(multer::parse_boundary(text).map_err(|error| refuse(&error)))
}

/// Reads a multipart body of at most `limit` bytes into `fields`, except the file in the field `file`, which is
/// returned.
pub(crate) async fn read(
    pieces: impl Stream<Item = Result<Bytes, BodyFault>> + Send,
    boundary: String,
    limit: usize,
    file: Option<&str>,
    fields: &mut Fields,
) -> Result<Option<Bytes>, Refusal> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let limits = SizeLimit::new().whole_stream(limit).per_field(limit);
    let mut multipart = Multipart::with_constraints(pieces, boundary, Constraints::new().size_limit(limits));
    let mut content = None;
    while let Some(field) = multipart.next_field().await.map_err(|error| refuse(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if file == Some(name.as_str()) {
            if content.is_some() {
                return Err(InvalidField::new(name, "was sent more than once").into());
            }
            content = Some(field.bytes().await.map_err(|error| refuse(&error))?);
        } else {
            let value = text(field).await?;
            fields.add(name, value)?;
        }
    }
    Ok(content)
}

/// The value of a field that is no file.
pub(crate) async fn text(field: Field<'_>) -> Result<Value, Refusal> {
    let is_file = field.file_name().is_some();
    let bytes = field.bytes().await.map_err(|error| refuse(&error))?;
    if is_file {
        return Ok(Value::Wrong("must be a text, not a file"));
    }
    Ok(String::from_utf8(bytes.into()).map_or(Value::Wrong("must be UTF-8"), Value::Text))
}

/// What a broken multipart body is refused with.
pub(crate) fn refuse(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::StreamReadFailed(cause) => BodyFault::behind(cause.as_ref()).into(),
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            BodyFault::TooLarge.into()
        }
        multer::Error::NoBoundary => {
            Refusal::transport(StatusCode::BAD_REQUEST, "the multipart boundary is missing")
        }
        _ => Refusal::transport(StatusCode::BAD_REQUEST, "the multipart body is malformed or incomplete"),
    }
}
