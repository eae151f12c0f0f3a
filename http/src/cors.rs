//! Which pages of other origins may call the API.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use volo_http::{body::Body, request::Request, response::Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "access-token, refresh-token, authorization, content-type, x-request-id, tus-resumable, upload-length, \
     upload-metadata, upload-offset, upload-checksum, range, if-range, if-none-match",
);
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "access-token, refresh-token, new-access-token, x-request-id, retry-after, location, tus-resumable, tus-version, \
     tus-extension, tus-max-size, tus-checksum-algorithm, upload-offset, upload-length, upload-metadata, \
     upload-expires, video-id, accept-ranges, content-range, etag",
);
const KEPT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// The origins that may.
pub(crate) struct Cors {
    origins: Vec<String>,
}

impl Cors {
    /// Origins as browsers write them: `https://example.com`.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self {
            origins: origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect(),
        }
    }

    /// Answers a browser that asks whether a page of another origin may send its request.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let origin = headers.get(header::ORIGIN).filter(|origin| asks && self.admits(origin))?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        self.allow(origin, answer);
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT_SECONDS);
        Some(response)
    }

    /// Lets a page of `origin` read the answer, if it may.
    pub(crate) fn allow(&self, origin: &HeaderValue, answer: &mut HeaderMap) {
        if self.admits(origin) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
            answer.append(header::VARY, HeaderValue::from_static("origin"));
        }
    }

    /// Whether pages of this origin may call the API.
    pub(crate) fn admits(&self, origin: &HeaderValue) -> bool {
        origin
            .to_str()
            .is_ok_and(|origin| self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(origin: &str, method: Method) -> Option<Response> {
        let request = http::Request::builder()
            .method(method)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        Cors::new(&["https://a.example/".to_owned()]).preflight(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn only_listed_origins_are_let_in() {
        let answer = ask("https://a.example", Method::OPTIONS).unwrap();
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
        assert!(ask("https://b.example", Method::OPTIONS).is_none());
        assert!(ask("null", Method::OPTIONS).is_none());
        assert!(ask("https://a.example", Method::POST).is_none());
    }
}
