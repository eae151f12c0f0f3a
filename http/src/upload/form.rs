//! A video in one request: a multipart form whose file goes straight into the media store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::{Bytes, BytesMut};
use fanone_base::InvalidField;
use fanone_media::{Folder, Key, VideoKind, Writer};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use http::request::Parts;
use multer::{Constraints, Field, Multipart, SizeLimit};
use utoipa::ToSchema;
use volo_http::{body::Body, context::ServerContext, server::extract::FromRequest};

use super::{
    count,
    publish::{self, Draft},
    received,
    sniffer::Sniffer,
    to_the_end,
};
use crate::{
    envelope::{Done, Outcome},
    extract::{
        Fields, Login,
        body::{BodyFault, check_length, idle_stream},
        fields::shown,
        form::unsupported,
        multipart::{boundary, refuse, text},
    },
    gate::Scope,
    refusal::Refusal,
    state::App,
};

const FILE: &str = "data";
const TEXTS: [&str; 2] = ["title", "description"];
/// What may lie between the socket and the store beside the texts.
const IN_FLIGHT_MAX: usize = 1 << 20;

/// A video to publish.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API document")]
pub(crate) struct VideoForm {
    /// MP4, MOV, WebM, MKV, FLV or TS, at most 2 GiB.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    data: String,
    #[schema(example = "A walk in the snow")]
    title: String,
    #[schema(required = false, example = "")]
    description: String,
}

/// Publishes a video. For large files there is `/upload`, which goes on where a broken connection stopped.
#[utoipa::path(post, path = "/video/publish", tag = "video", security(("access" = []), ("bearer" = [])),
    request_body(content = VideoForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Outcome)))]
pub(crate) async fn publish(app: App, login: Login, incoming: Incoming) -> Result<Done, Refusal> {
    let slot = app.uploads.slot()?;
    count(&app, login.user).await?;
    let (file, mut fields) = receive(&app, incoming).await?;
    let title = fields.text("title")?;
    let description = fields.optional_text("description")?.unwrap_or_default();
    to_the_end(login, async move {
        file.writer.finish().await?;
        let cover = Key::random(Folder::Covers, "jpg")?;
        let draft = Draft { video: file.key, kind: file.kind, cover, title, description, upload: None };
        let outcome = publish::publish(&app, draft).await;
        drop(slot);
        outcome
    })
    .await??;
    Ok(Done)
}

/// A multipart body that nobody has read yet.
pub(crate) struct Incoming {
    pieces: BoxStream<'static, Result<Bytes, BodyFault>>,
    boundary: String,
}

impl FromRequest for Incoming {
    type Rejection = Refusal;

    async fn from_request(cx: &mut ServerContext, parts: Parts, body: Body) -> Result<Self, Refusal> {
        let settings = &Scope::of(cx)?.app.settings;
        let boundary = boundary(&parts.headers).ok_or_else(unsupported)??;
        let around = settings.http.form_max_bytes;
        let limit = usize::try_from(settings.media.video_max_bytes).unwrap_or(usize::MAX);
        check_length(&body, limit.saturating_add(around))?;
        Ok(Self { pieces: idle_stream(body, settings.http.body_idle_timeout()).boxed(), boundary })
    }
}

/// A file on its way into the store: there once it is finished, gone when it is dropped.
struct Receiving {
    writer: Writer,
    key: Key,
    kind: VideoKind,
}

/// Reads the body to its end. The fields may come in any order.
async fn receive(app: &App, incoming: Incoming) -> Result<(Receiving, Fields), Refusal> {
    let around = app.settings.http.form_max_bytes;
    let held = Held::default();
    let pieces = held.watch(incoming.pieces, around.saturating_add(IN_FLIGHT_MAX));
    let file_max = app.settings.media.video_max_bytes;
    let limits = SizeLimit::new().per_field(around as u64).for_field(FILE, file_max);
    let mut multipart =
        Multipart::with_constraints(pieces, incoming.boundary, Constraints::new().size_limit(limits));
    let mut fields = Fields::default();
    let mut file = None;
    while let Some(field) = multipart.next_field().await.map_err(|error| refuse(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE {
            if file.is_some() {
                return Err(InvalidField::new(FILE, "was sent more than once").into());
            }
            file = Some(store(app, field, &held).await?);
        } else if field.file_name().is_some() && !TEXTS.contains(&name.as_str()) {
            return Err(InvalidField::new(shown(name), "is one file too many").into());
        } else {
            // As everywhere, a text that nobody takes is ignored.
            fields.add(name, text(field).await?)?;
        }
    }
    let file = file.ok_or_else(|| InvalidField::missing(FILE))?;
    Ok((file, fields))
}

/// Streams the file into the store. Nothing is stored of a file that does not begin like a video.
async fn store(app: &App, mut field: Field<'_>, held: &Held) -> Result<Receiving, Refusal> {
    let mut sniffer = Sniffer::new(Vec::new(), u64::MAX);
    let mut head = BytesMut::new();
    let mut receiving: Option<Receiving> = None;
    while let Some(piece) = field.chunk().await.map_err(|error| refuse(&error))? {
        held.release(piece.len());
        received(&piece);
        if let Some(file) = &mut receiving {
            file.writer.write(piece).await?;
            continue;
        }
        head.extend_from_slice(&piece);
        if let Some(kind) = sniffer.watch(&piece)? {
            receiving = Some(begin(app, kind, head.split().freeze()).await?);
        }
    }
    match receiving {
        Some(file) => Ok(file),
        None if head.is_empty() => Err(InvalidField::new(FILE, "is empty").into()),
        None => begin(app, sniffer.end()?, head.freeze()).await,
    }
}

async fn begin(app: &App, kind: VideoKind, head: Bytes) -> Result<Receiving, Refusal> {
    let key = Key::random(Folder::Videos, kind.extension())?;
    let mut writer = app.media.writer(&key);
    writer.write(head).await?;
    Ok(Receiving { writer, key, kind })
}

/// Bytes that were taken from the socket and have not gone on to the store. The parser keeps heads of parts in memory
/// until they end, and takes in what it can get: both are bounded here.
#[derive(Clone, Default)]
struct Held(Arc<AtomicUsize>);

impl Held {
    /// Passes pieces on one by one, and breaks off when there are more than `most` bytes held.
    ///
    /// The parser takes in all that is ready before it looks at any of it, so between two pieces nothing is ready for
    /// once. (Between, not before the first or together with the end: it polls twice before it looks for the first
    /// boundary, and gives up if the second time the body ends.)
    fn watch(
        &self,
        pieces: BoxStream<'static, Result<Bytes, BodyFault>>,
        most: usize,
    ) -> BoxStream<'static, Result<Bytes, BodyFault>> {
        let held = self.clone();
        let pieces = stream::unfold((pieces, held, false), move |(mut pieces, held, later)| async move {
            if later {
                tokio::task::yield_now().await;
            }
            let piece = pieces.next().await?.and_then(|piece| {
                let before = held.0.fetch_add(piece.len(), Ordering::Relaxed);
                if before.saturating_add(piece.len()) > most { Err(BodyFault::TooLarge) } else { Ok(piece) }
            });
            Some((piece, (pieces, held, true)))
        });
        pieces.boxed()
    }

    fn release(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn a_form_is_read_however_it_is_cut() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\na\r\n--X\r\n\
            Content-Disposition: form-data; name=\"data\"; filename=\"f\"\r\n\r\nb\r\nc\r\n--X--\r\n";
        for size in 1..=body.len() {
            let cut = body.as_bytes().chunks(size).map(|piece| Ok(Bytes::from_static(piece)));
            let pieces = Held::default().watch(stream::iter(cut).boxed(), usize::MAX);
            let mut multipart = Multipart::new(pieces, "X");
            let mut found = Vec::new();
            while let Some(field) = multipart.next_field().await.unwrap() {
                found.push((field.name().unwrap().to_owned(), field.text().await.unwrap()));
            }
            assert_eq!(found, [("title".into(), "a".into()), ("data".into(), "b\r\nc".into())], "{size}");
        }
    }

    #[tokio::test]
    async fn what_is_held_is_bounded_and_what_goes_on_is_not() {
        let piece = || Ok(Bytes::from_static(&[0; 100]));
        let held = Held::default();
        let mut pieces = held.watch(stream::repeat_with(piece).boxed(), 250);
        for _ in 0..50 {
            held.release(pieces.try_next().await.unwrap().unwrap().len());
        }
        assert!(pieces.try_next().await.is_ok());
        assert!(pieces.try_next().await.is_ok());
        assert_eq!(pieces.try_next().await, Err(BodyFault::TooLarge));
    }
}
