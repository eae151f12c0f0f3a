//! `Input<T>`: the fields of an operation out of a query, a form or JSON, as one typed value.

use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use http_body::Body as _;
use tokio::time::Instant;
use volo_http::{body::Body, context::ServerContext, server::extract::FromRequest};

use super::{
    body::{check_length, idle_stream, read_all},
    fields::{Fields, FromFields},
    json::Pairs,
    multipart, query,
};
use crate::{gate::Scope, refusal::Refusal};

/// The parameters of an operation that takes no file.
#[derive(Debug)]
pub(crate) struct Input<T>(pub(crate) T);

impl<T: FromFields> FromRequest for Input<T> {
    type Rejection = Refusal;

    async fn from_request(cx: &mut ServerContext, parts: Parts, body: Body) -> Result<Self, Refusal> {
        let scope = Scope::of(cx)?;
        let limit = scope.app.settings.http.form_max_bytes;
        let mut fields = read(&parts, body, limit, scope.deadline).await?;
        Ok(Self(T::from_fields(&mut fields)?))
    }
}

/// All fields of a request: GET has them in the query, DELETE in query and body, the others in the body.
pub(crate) async fn read(
    parts: &Parts,
    body: Body,
    limit: usize,
    deadline: Instant,
) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    let in_query = matches!(parts.method, Method::GET | Method::HEAD | Method::DELETE);
    if let Some(text) = parts.uri.query().filter(|_| in_query) {
        query::add_pairs(text.as_bytes(), &mut fields)?;
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        read_body(&parts.headers, body, limit, deadline, &mut fields).await?;
    }
    Ok(fields)
}

async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    deadline: Instant,
    fields: &mut Fields,
) -> Result<(), Refusal> {
    if body.is_end_stream() && !headers.contains_key(header::CONTENT_TYPE) {
        return Ok(());
    }
    if let Some(boundary) = multipart::boundary(headers) {
        check_length(&body, limit)?;
        let left = deadline.saturating_duration_since(Instant::now());
        multipart::read(idle_stream(body, left), boundary?, limit, None, fields).await?;
        return Ok(());
    }
    match content_type(headers).as_deref() {
        Some("application/x-www-form-urlencoded") => {
            let bytes = read_all(body, limit, deadline).await?;
            query::add_pairs(&bytes, fields)?;
        }
        Some("application/json") => {
            let bytes = read_all(body, limit, deadline).await?;
            let Ok(Pairs(pairs)) = serde_json::from_slice(&bytes) else {
                return Err(Refusal::transport(StatusCode::BAD_REQUEST, "the body is no JSON object"));
            };
            for (name, value) in pairs {
                fields.add(name, value)?;
            }
        }
        _ => {
            // A client may send an empty body in chunks and without a type.
            if !read_all(body, limit, deadline).await?.is_empty() {
                return Err(unsupported());
            }
        }
    }
    Ok(())
}

/// The refusal of a body in an encoding that the operation does not take.
pub(crate) const fn unsupported() -> Refusal {
    Refusal::transport(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body must be multipart/form-data, or without a file application/x-www-form-urlencoded or application/json",
    )
}

/// The type of the body, in lower case and without parameters.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(essence(text).to_ascii_lowercase())
}

/// A media type without its parameters.
pub(crate) fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use volo_http::server::IntoResponse;

    use super::*;

    async fn fields(
        method: Method,
        target: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Result<Fields, Refusal> {
        let request = http::Request::builder().method(method).uri(target).header(header::CONTENT_TYPE, kind);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        read(&parts, body.into(), 200, Instant::now() + Duration::from_secs(5)).await
    }

    async fn status(kind: &str, body: impl Into<Body>) -> u16 {
        let refusal = fields(Method::POST, "/", kind, body).await.unwrap_err();
        refusal.into_response().status().as_u16()
    }

    const URLENCODED: &str = "application/x-www-form-urlencoded";
    const MULTIPART: &str = "multipart/form-data; boundary=X";

    #[tokio::test]
    async fn every_encoding_brings_the_same_fields() {
        let multipart = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n你好\r\n--X--\r\n";
        let bodies = [
            (URLENCODED, "a=%E4%BD%A0%E5%A5%BD"),
            ("application/json; charset=utf-8", r#"{"a":"你好"}"#),
            (MULTIPART, multipart),
        ];
        for (kind, body) in bodies {
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                let mut found = fields(method, "/", kind, body).await.unwrap();
                assert_eq!(found.text("a").unwrap(), "你好", "{kind}");
            }
        }
    }

    #[tokio::test]
    async fn the_query_counts_for_get_and_delete_only() {
        for (method, there) in [(Method::GET, true), (Method::DELETE, true), (Method::POST, false)] {
            let mut found = fields(method, "/?a=1", URLENCODED, "").await.unwrap();
            assert_eq!(found.text("a").is_ok(), there);
        }
    }

    #[tokio::test]
    async fn a_body_that_is_no_form_has_a_status_of_its_own() {
        assert_eq!(status("text/plain", "a=1").await, 415);
        assert_eq!(status("application/json", "[1]").await, 400);
        assert_eq!(status("application/json", "").await, 400);
        assert_eq!(status(MULTIPART, "").await, 400);
        assert_eq!(status(MULTIPART, "no parts").await, 400);
        assert_eq!(status("application/json", "{\"a\":").await, 400);
        assert_eq!(status("multipart/form-data", "--X").await, 400);
        assert_eq!(status(URLENCODED, "a=".to_owned() + &"x".repeat(300)).await, 413);
        assert_eq!(
            status(MULTIPART, "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nha").await,
            400
        );
    }

    #[tokio::test]
    async fn a_field_that_comes_twice_or_as_a_file_is_named() {
        let twice = fields(Method::POST, "/", "application/json", r#"{"a":"1","a":"2"}"#).await.unwrap_err();
        assert_eq!(twice.message(), "a: was sent more than once");
        let file = "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nx\r\n--X--\r\n";
        let mut found = fields(Method::POST, "/", MULTIPART, file).await.unwrap();
        assert_eq!(found.text("a").unwrap_err().to_string(), "a: must be a text, not a file");
    }
}
