//! Answers as tus wants them: what they say is in their headers.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, StatusCode, header};
use volo_http::{body::Body, response::Response};

use super::{headers::VERSION, uploads::Standing};

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    mark(&mut response);
    response
}

/// An answer that tells where an upload stands.
pub(super) fn standing(status: StatusCode, standing: &Standing) -> Response {
    let mut response = empty(status);
    insert(&mut response, "upload-offset", standing.offset);
    match standing.video {
        Some(video) => insert(&mut response, "video-id", video),
        None => insert(&mut response, "upload-expires", date(standing.expires_at)),
    }
    response
}

/// Says which protocol this is.
pub(super) fn mark(response: &mut Response) {
    response.headers_mut().insert("tus-resumable", HeaderValue::from_static(VERSION));
}

/// Adds a header. Our own values are always fit for one; one that were not is left out.
pub(super) fn insert(response: &mut Response, name: &'static str, value: impl Display) {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

fn date(unix_ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(unix_ms).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
}
