//! `/media/{key}`: pictures and videos, served so that browsers seek in them and keep them.

mod asked;
mod body;
mod conditions;
mod range;

use fanone_media::{Head, Key, MediaError, sniff::content_type};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use volo_http::{body::Body, response::Response, server::IntoResponse};

use crate::{refusal::Refusal, state::App};

use asked::Asked;
use conditions::Outcome;
use range::Span;

/// A key is used once, so what it names never changes.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A picture or a video, or a part of it.
#[utoipa::path(get, path = "/media/{key}", tag = "media",
    params(
        ("key" = String, Path, description = "As in the URLs of answers; it has slashes"),
        ("Range" = Option<String>, Header, description = "One range of bytes; several are answered with the whole"),
        ("If-Range" = Option<String>, Header),
        ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The whole file",
            content(([u8] = "video/*"), ([u8] = "image/*"))),
        (status = 206, description = "The range",
            content(([u8] = "video/*"), ([u8] = "image/*"))),
        (status = 302, description = "The file is where `Location` says, for a while"),
        (status = 304, description = "Not changed"),
        (status = 404, description = "There is no such file", body = crate::envelope::Outcome),
        (status = 416, description = "The file ends before the range", body = crate::envelope::Outcome)))]
pub(crate) async fn read(app: App, asked: Asked) -> Result<Response, Refusal> {
    let key = asked.key.ok_or(MediaError::NotFound).map_err(refuse)?;
    let head = app.media.head(&key).await.map_err(refuse)?;
    let span = match conditions::judge(&asked.headers, &head) {
        Outcome::NotModified => return Ok(answer(StatusCode::NOT_MODIFIED, Body::empty(), &head)),
        Outcome::Unsatisfiable => return Ok(unsatisfiable(&head)),
        Outcome::Whole => None,
        Outcome::Part(span) => Some(span),
    };
    if !asked.head_only
        && let Some(elsewhere) = redirect(&app, &key).await?
    {
        return Ok(elsewhere);
    }
    let Span { start, end } = span.unwrap_or(Span { start: 0, end: head.size });
    let content = match asked.head_only {
        true => Body::empty(),
        false => body::of(app.media.read(&key, start..end).await.map_err(refuse)?),
    };
    let status = if span.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = answer(status, content, &head);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(key.extension())));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    if span.is_some() {
        let range = format!("bytes {start}-{}/{}", end.saturating_sub(1), head.size);
        insert(headers, header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// Where the bucket is to answer in our place: the way there.
async fn redirect(app: &App, key: &Key) -> Result<Option<Response>, Refusal> {
    let Some(lives) = app.settings.media.redirect() else { return Ok(None) };
    let Some(url) = app.media.signed_url(key, lives).await? else { return Ok(None) };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(headers, header::LOCATION, url);
    Ok(Some(response))
}

fn answer(status: StatusCode, content: Body, head: &Head) -> Response {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    insert(headers, header::ETAG, head.etag.clone());
    insert(headers, header::LAST_MODIFIED, httpdate::fmt_http_date(head.modified));
    response
}

/// Here, as for any path, what does not exist has a status of its own.
fn refuse(error: MediaError) -> Refusal {
    match error {
        MediaError::NotFound => Refusal::transport(StatusCode::NOT_FOUND, "there is no such file"),
        error => error.into(),
    }
}

fn unsatisfiable(head: &Head) -> Response {
    let refusal = Refusal::transport(StatusCode::RANGE_NOT_SATISFIABLE, "the file ends before the range");
    let mut response = refusal.into_response();
    insert(response.headers_mut(), header::CONTENT_RANGE, format!("bytes */{}", head.size));
    response
}

/// Our own values are always fit for a header; one that were not is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
