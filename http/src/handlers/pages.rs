//! What people look at: the site's page, and the API document with a page to try it on. All of it is in the program,
//! so that it works without the internet.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use http::{HeaderValue, header};
use utoipa_swagger_ui::Config;
use volo_http::{body::Body, response::Response, server::param::PathParams};

use crate::{gate::not_found, openapi, refusal::Refusal};

/// Only what comes from here runs; media and avatars may come from where `http.public_url` points.
const HOME_POLICY: &str = "default-src 'self'; img-src 'self' data: https: http:; media-src 'self' https: http:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Swagger UI sets styles in its elements.
const DOCS_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     base-uri 'self'; frame-ancestors 'none'";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi::document().into());
static SWAGGER: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(true))
});

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "document",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value, content_type = "application/json")))]
pub(crate) async fn document() -> Response {
    page("application/json", DOCUMENT.clone(), HOME_POLICY)
}

/// The page people watch on.
pub(crate) async fn home() -> Response {
    page("text/html; charset=utf-8", include_str!("../../../web/index.html"), HOME_POLICY)
}

/// The files of that page.
pub(crate) async fn asset(PathParams(file): PathParams<String>) -> Result<Response, Refusal> {
    Ok(match file.as_str() {
        "app.js" => page("text/javascript; charset=utf-8", include_str!("../../../web/app.js"), HOME_POLICY),
        "style.css" => page("text/css; charset=utf-8", include_str!("../../../web/style.css"), HOME_POLICY),
        _ => return Err(not_found().await),
    })
}

/// The page to try the API on.
pub(crate) async fn docs() -> Result<Response, Refusal> {
    swagger("index.html").await
}

/// The files of that page.
pub(crate) async fn docs_asset(PathParams(file): PathParams<String>) -> Result<Response, Refusal> {
    swagger(&file).await
}

async fn swagger(name: &str) -> Result<Response, Refusal> {
    let Ok(Some(file)) = utoipa_swagger_ui::serve(name, SWAGGER.clone()) else {
        return Err(not_found().await);
    };
    if name == "index.html" {
        // The page is served at /docs and at /docs/; its files are below /docs/ in both cases.
        let html = String::from_utf8_lossy(&file.bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
        return Ok(page("text/html; charset=utf-8", html, DOCS_POLICY));
    }
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Ok(page(&file.content_type, bytes, DOCS_POLICY))
}

fn page(kind: &str, body: impl Into<Body>, policy: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
