//! Refusals as tus wants them: clients of the protocol go by the HTTP status, so every code has one here.

use fanone_base::Code;
use http::StatusCode;
use volo_http::{response::Response, server::IntoResponse};

use super::{answer, headers::VERSION};
use crate::refusal::Refusal;

/// A tus request that is not served.
#[derive(Debug)]
pub(crate) struct Refused {
    /// `None`: what the protocol has for the code.
    status: Option<StatusCode>,
    refusal: Refusal,
}

impl Refused {
    /// A refusal at a status of its own.
    pub(super) fn at(status: StatusCode, refusal: Refusal) -> Self {
        Self { status: Some(status), refusal }
    }
}

impl<R: Into<Refusal>> From<R> for Refused {
    fn from(refusal: R) -> Self {
        Self { status: None, refusal: refusal.into() }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let code = self.refusal.code();
        let mut response = self.refusal.into_response();
        match self.status {
            Some(status) => *response.status_mut() = status,
            None if response.status() == StatusCode::OK => *response.status_mut() = status(code),
            None => {}
        }
        if code == Code::UploadVersion {
            answer::insert(&mut response, "tus-version", VERSION);
        }
        answer::mark(&mut response);
        response
    }
}

/// The status of what elsewhere is an answer with status 200.
fn status(code: Code) -> StatusCode {
    match code {
        Code::NotLoggedIn | Code::AccessExpired | Code::RefreshInvalid => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound | Code::UploadNotFound | Code::VideoNotFound => StatusCode::NOT_FOUND,
        Code::UploadOffset => StatusCode::CONFLICT,
        // Another request works on the same upload.
        Code::Conflict => StatusCode::LOCKED,
        Code::UploadVersion => StatusCode::PRECONDITION_FAILED,
        Code::NotAVideo => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // The protocol's own "checksum mismatch".
        Code::UploadChecksum => StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::InvalidField;

    use super::*;

    #[test]
    fn a_refusal_has_the_status_of_the_protocol() {
        for (code, expected) in [
            (Code::NotLoggedIn, 401),
            (Code::UploadNotFound, 404),
            (Code::UploadOffset, 409),
            (Code::UploadVersion, 412),
            (Code::NotAVideo, 415),
            (Code::Conflict, 423),
            (Code::UploadChecksum, 460),
            (Code::TooManyRequests, 429),
            (Code::Unavailable, 503),
        ] {
            let response = Refused::from(Refusal::of(code)).into_response();
            assert_eq!(response.status().as_u16(), expected, "{}", code.name());
            assert_eq!(response.headers()["tus-resumable"], "1.0.0");
            assert_eq!(response.headers().contains_key("tus-version"), code == Code::UploadVersion);
        }
        let field = Refused::from(InvalidField::missing("title")).into_response();
        assert_eq!(field.status(), StatusCode::BAD_REQUEST);
    }
}
