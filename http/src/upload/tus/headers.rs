//! The headers of tus requests.

use fanone_base::{Code, InvalidField};
use http::{HeaderMap, StatusCode, header};

use super::refused::Refused;
use crate::refusal::Refusal;

/// The one version of the protocol that is spoken here.
pub(super) const VERSION: &str = "1.0.0";
/// What is spoken beside the core.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,expiration,checksum,termination";

const PIECE: &str = "application/offset+octet-stream";

/// Refuses other versions of the protocol.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match text(headers, "tus-resumable") {
        Some(VERSION) => Ok(()),
        _ => Err(Refusal::of(Code::UploadVersion)),
    }
}

/// How many bytes the file will have: 1 to `max`.
pub(super) fn length(headers: &HeaderMap, max: u64) -> Result<u64, Refused> {
    const LENGTH: &str = "Upload-Length";
    for (name, shown) in [("upload-defer-length", "Upload-Defer-Length"), ("upload-concat", "Upload-Concat")]
    {
        if headers.contains_key(name) {
            return Err(InvalidField::new(shown, "is not supported, send Upload-Length").into());
        }
    }
    let text = text(headers, "upload-length").ok_or_else(|| InvalidField::missing(LENGTH))?;
    match number(text) {
        Some(length) if length > max => {
            let reason = format!("{LENGTH}: must be at most {max}");
            Err(Refused::at(StatusCode::PAYLOAD_TOO_LARGE, Refusal::with(Code::Parameter, reason)))
        }
        Some(length) if length > 0 => Ok(length),
        _ => Err(InvalidField::new(LENGTH, "must be a positive whole number").into()),
    }
}

/// Where the piece begins in the file.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, InvalidField> {
    const OFFSET: &str = "Upload-Offset";
    let text = text(headers, "upload-offset").ok_or_else(|| InvalidField::missing(OFFSET))?;
    number(text).ok_or_else(|| InvalidField::new(OFFSET, "must be a whole number"))
}

/// Refuses a body that is no piece of a file.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if text(headers, header::CONTENT_TYPE.as_str()).is_some_and(|kind| kind.eq_ignore_ascii_case(PIECE)) {
        return Ok(());
    }
    let reason = "the Content-Type must be application/offset+octet-stream";
    Err(Refusal::transport(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason))
}

/// A header's text, empty if it is not there or no text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits only; a number beyond all files counts as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use volo_http::server::IntoResponse;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_this_version_is_spoken() {
        assert!(check_version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
        for other in [headers(&[]), headers(&[("tus-resumable", "0.2.2")]), headers(&[("tus-resumable", "")])]
        {
            assert_eq!(check_version(&other).unwrap_err().code(), Code::UploadVersion);
        }
    }

    #[test]
    fn a_length_is_positive_and_within_the_limit() {
        let status = |text: &str| match length(&headers(&[("upload-length", text)]), 100) {
            Ok(length) => length as u16,
            Err(refused) => refused.into_response().status().as_u16(),
        };
        assert_eq!((status("1"), status("100")), (1, 100));
        assert_eq!((status("101"), status("99999999999999999999")), (413, 413));
        for text in ["", "0", "-1", "+1", "many", "1.5"] {
            assert_eq!(status(text), 400, "{text}");
        }
        assert!(length(&headers(&[]), 100).is_err());
        assert!(length(&headers(&[("upload-length", "5"), ("upload-concat", "partial")]), 100).is_err());
        assert!(length(&headers(&[("upload-defer-length", "1")]), 100).is_err());
    }

    #[test]
    fn an_offset_is_a_number() {
        assert_eq!(offset(&headers(&[("upload-offset", "0")])), Ok(0));
        assert!(offset(&headers(&[("upload-offset", "-1")])).is_err());
        assert!(offset(&headers(&[])).is_err());
    }

    #[test]
    fn a_piece_has_one_type() {
        assert!(check_type(&headers(&[("content-type", PIECE)])).is_ok());
        assert!(check_type(&headers(&[("content-type", "application/octet-stream")])).is_err());
        assert!(check_type(&headers(&[])).is_err());
    }
}
