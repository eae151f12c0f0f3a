//! Why a request is not served, and the one place that decides which HTTP status a code has.

use std::{borrow::Cow, error::Error};

use fanone_base::{Code, Failure};
use fanone_call::CallError;
use fanone_telemetry::chain;
use http::{HeaderValue, StatusCode, header};
use volo_http::{response::Response, server::IntoResponse};

use crate::envelope;

/// A request that is not served.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: Code,
    message: Cow<'static, str>,
    /// When to try again, in seconds.
    retry_after: Option<u64>,
}

/// The HTTP status of a code: 200 for all that is about the request's content.
pub(crate) const fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

impl Refusal {
    /// The refusal that `code` stands for, with its usual status and text.
    pub(crate) const fn of(code: Code) -> Self {
        Self::new(status_of(code), code, Cow::Borrowed(code.message()))
    }

    /// A code with a more precise text.
    pub(crate) fn with(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status_of(code), code, message.into())
    }

    /// A request that can't be understood at all: 400, 404, 405, 408, 413 or 415.
    pub(crate) const fn transport(status: StatusCode, message: &'static str) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            _ => Code::Parameter,
        };
        Self::new(status, code, Cow::Borrowed(message))
    }

    /// A part of the site did not answer in time.
    pub(crate) const fn too_slow() -> Self {
        let code = Code::Unavailable;
        Self::new(StatusCode::GATEWAY_TIMEOUT, code, Cow::Borrowed(code.message()))
    }

    /// Too many requests; the client may try again after so many seconds.
    pub(crate) const fn too_many(retry_after: u64) -> Self {
        let mut refusal = Self::of(Code::TooManyRequests);
        refusal.retry_after = Some(retry_after);
        refusal
    }

    /// The site does as much of this as it may; the client may try again after so many seconds.
    pub(crate) const fn busy(retry_after: u64) -> Self {
        let mut refusal = Self::of(Code::Unavailable);
        refusal.retry_after = Some(retry_after);
        refusal
    }

    /// A fault of ours, which is logged here with its causes, once.
    pub(crate) fn fault(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        Self::of(Code::Internal)
    }

    /// The code in the answer.
    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    /// The text in the answer.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    const fn new(status: StatusCode, code: Code, message: Cow<'static, str>) -> Self {
        Self { status, code, message, retry_after: None }
    }
}

impl<F: Failure + 'static> From<F> for Refusal {
    fn from(failure: F) -> Self {
        match failure.code() {
            Code::Internal => Self::fault(&failure),
            Code::Unavailable => {
                tracing::warn!(error = chain(&failure), "a part of the site did not answer");
                if is_timeout(&failure) { Self::too_slow() } else { Self::of(Code::Unavailable) }
            }
            code => Self::with(code, failure.public_message()),
        }
    }
}

/// Whether a call that got no answer in time is at the bottom of an error.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref() == Some(&CallError::Timeout) || error.source().is_some_and(is_timeout)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = envelope::failure(self.status, self.code, self.message);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::InvalidField;
    use volo_http::body::BodyConversion;

    use super::*;
    use crate::compose::Problem;

    #[test]
    fn only_faults_floods_and_outages_have_a_status_of_their_own() {
        for code in Code::ALL {
            let expected = match code.number() {
                10001 => 500,
                10005 => 429,
                10006 => 503,
                _ => 200,
            };
            assert_eq!(status_of(*code).as_u16(), expected, "{}", code.name());
        }
    }

    #[tokio::test]
    async fn a_wrong_field_is_named() {
        let response = Refusal::from(InvalidField::missing("title")).into_response();
        assert_eq!(response.status(), StatusCode::OK);
        let text = response.into_body().into_string().await.unwrap();
        assert_eq!(text, r#"{"base":{"code":10002,"msg":"title: is required"}}"#);
    }

    #[test]
    fn a_slow_part_is_told_apart_from_one_that_is_down() {
        let status = |error: CallError| Refusal::from(Problem::from(error)).into_response().status().as_u16();
        assert_eq!(status(CallError::Timeout), 504);
        assert_eq!(status(CallError::Unavailable("no instance".to_owned())), 503);
        assert_eq!(status(CallError::Fault("broken".to_owned())), 500);
        let answer = CallError::Answer { code: Code::UserNotFound, message: "user not found".to_owned() };
        assert_eq!(status(answer), 200);
    }

    #[test]
    fn a_flood_is_told_when_to_come_back() {
        let response = Refusal::too_many(10).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "10");
    }
}
