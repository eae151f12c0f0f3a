//! A tus request of a user who is logged in, its body not yet read.

use fanone_base::{Code, Id};
use fanone_media::ChunkStream;
use futures::{StreamExt, TryStreamExt};
use http::{HeaderMap, Method, request::Parts};
use http_body::Body as _;
use volo_http::{
    body::Body,
    context::ServerContext,
    server::extract::{FromContext, FromRequest},
};

use super::{headers, refused::Refused, uploads::Uploader};
use crate::{
    extract::{Login, body::idle_stream},
    gate::Scope,
    refusal::Refusal,
    upload::received,
};

/// A request, once its version and its login are checked.
pub(crate) struct Call {
    pub(super) by: Uploader,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    id: Option<Id>,
    body: Body,
}

impl FromRequest for Call {
    type Rejection = Refused;

    async fn from_request(cx: &mut ServerContext, mut parts: Parts, body: Body) -> Result<Self, Refused> {
        headers::check_version(&parts.headers)?;
        let login = Login::from_context(cx, &mut parts).await?;
        let app = Scope::of(cx)?.app.clone();
        let id = parts.uri.path().strip_prefix("/upload/").and_then(|id| id.parse().ok());
        let method = method(&parts);
        Ok(Self { by: Uploader { app, login }, method, headers: parts.headers, id, body })
    }
}

/// Some clients can send nothing but POST, and say in a header what they mean.
fn method(parts: &Parts) -> Method {
    let meant = headers::text(&parts.headers, "x-http-method-override");
    match (&parts.method, meant) {
        (&Method::POST, Some(meant)) => meant.parse().unwrap_or(Method::POST),
        (method, _) => method.clone(),
    }
}

impl Call {
    /// The upload that the path names.
    pub(super) fn id(&self) -> Result<Id, Refusal> {
        self.id.ok_or(Refusal::of(Code::UploadNotFound))
    }

    pub(super) fn has_body(&self) -> bool {
        !self.body.is_end_stream()
    }

    /// How many bytes the body has at least.
    pub(super) fn announced(&self) -> u64 {
        self.body.size_hint().lower()
    }

    /// The body as it comes. While it comes, it takes one of the slots.
    pub(super) fn stream(self) -> Result<ChunkStream, Refusal> {
        let slot = self.by.app.uploads.slot()?;
        let pieces = idle_stream(self.body, self.by.app.settings.http.body_idle_timeout());
        let pieces = pieces.inspect(move |piece| {
            let _held = &slot;
            if let Ok(piece) = piece {
                received(piece);
            }
        });
        Ok(pieces.map_err(Into::into).boxed())
    }
}
