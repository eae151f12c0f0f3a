//! Resumable uploads: where they stand, how they grow, how they end. Free of HTTP headers.
//!
//! ```text
//! begun ──append──▶ growing ──last byte──▶ whole ──publish──▶ published
//!   │                  │ no video by content  │ no video track
//!   └── terminated ────┴──────────────────────┴──▶ gone
//! ```
//!
//! The bytes are in the media store, which alone knows how many there are; the record is with the video service, which
//! alone knows whether it is published. Every step may be cut off and taken again, on any front.
//!
//! A request that changes an upload holds its lease, so that others are told to wait. It would be right without: see
//! `Segments` for appends and `finish` for the end.

use bytes::Bytes;
use fanone_base::{Code, Id};
use fanone_call::CallError;
use fanone_media::{Appended, BoxError, Checksum, ChunkStream, SNIFF_BYTES, SegmentError};
use futures::StreamExt;
use http::StatusCode;
use volo_gen::fanone::video::{DeleteUploadReq, GetUploadReq, Upload};

use super::finish::{self, finish};
use crate::{
    calls,
    extract::{Login, body::BodyFault},
    lease::Lease,
    refusal::Refusal,
    state::App,
    upload::{
        sniffer::{NotAVideo, Sniffer},
        to_the_end,
    },
};

/// Where an upload stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// How many bytes are safe.
    pub(super) offset: u64,
    /// Unix milliseconds.
    pub(super) expires_at: i64,
    /// Present once it is published.
    pub(super) video: Option<Id>,
}

/// Whose upload it is.
#[derive(Clone)]
pub(super) struct Uploader {
    pub(super) app: App,
    pub(super) login: Login,
}

/// A piece of a file.
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) bytes: ChunkStream,
    pub(super) checksum: Option<Box<dyn Checksum>>,
}

/// The record of an upload of the caller's.
pub(super) async fn find(by: &Uploader, id: Id) -> Result<Upload, Refusal> {
    let answer = by
        .login
        .acts(calls::answer(by.app.services.video.get_upload(GetUploadReq { upload_id: id.0 })))
        .await?;
    Ok(calls::present(answer.upload)?)
}

/// Runs `work` while no other request changes the caller's upload, and to its end even when the client goes away. The
/// record of the upload is to be looked at inside, when nobody else can change it any more.
pub(super) async fn alone<T, R>(
    by: &Uploader,
    id: Id,
    work: impl Future<Output = Result<T, R>> + Send + 'static,
) -> Result<T, R>
where
    T: Send + 'static,
    R: From<Refusal> + Send + 'static,
{
    let lease = Lease::take(&by.app.cache, &lease_key(by, id)).await.ok_or_else(busy)?;
    let work = async move {
        let outcome = work.await;
        // Before the answer: the next request may go to another front.
        lease.release().await;
        outcome
    };
    to_the_end(by.login.clone(), work).await?
}

/// Nobody but the owner of an upload can keep others from it.
fn lease_key(by: &Uploader, id: Id) -> String {
    format!("lease:upload:{}:{id}", by.login.user)
}

/// Where an upload stands. One that is whole but was not published, because the front went down in between, is
/// published now, unless another request is doing that.
pub(super) async fn standing(by: &Uploader, upload: &Upload) -> Result<Standing, Refusal> {
    let standing = stored(by, upload).await?;
    if standing.offset < length(upload) || standing.video.is_some() {
        return Ok(standing);
    }
    let id = Id(upload.id);
    let Some(lease) = Lease::wait(&by.app.cache, &lease_key(by, id)).await else { return Ok(standing) };
    let on = by.clone();
    let video = to_the_end(by.login.clone(), async move {
        let outcome = match find(&on, id).await {
            Ok(Upload { video_id: Some(video), .. }) => Ok(Id(video)),
            Ok(upload) => finish(&on, &upload).await,
            Err(refusal) => Err(refusal),
        };
        lease.release().await;
        outcome
    });
    Ok(Standing { video: Some(video.await??), ..standing })
}

async fn stored(by: &Uploader, upload: &Upload) -> Result<Standing, Refusal> {
    let offset = match upload.video_id {
        Some(_) => length(upload),
        None => by.app.uploads.segments.offset(Id(upload.id)).await?,
    };
    Ok(Standing { offset, expires_at: upload.expires_at, video: upload.video_id.map(Id) })
}

/// Appends a piece; the last one publishes the video.
pub(super) async fn append(by: &Uploader, upload: &Upload, piece: Piece) -> Result<Standing, Refusal> {
    let id = Id(upload.id);
    let mut standing = stored(by, upload).await?;
    if piece.offset != standing.offset {
        return Err(Refusal::of(Code::UploadOffset));
    }
    if standing.video.is_some() {
        return Ok(standing);
    }
    if standing.offset < length(upload) {
        let bytes = sniffed(by, upload, piece.offset, piece.bytes).await?;
        let appended =
            by.app.uploads.segments.append(id, piece.offset, length(upload), bytes, piece.checksum).await;
        match appended.map_err(refuse)? {
            Appended { offset, broken: None } => standing.offset = offset,
            Appended { broken: Some(error), .. } if error.is::<NotAVideo>() => {
                end(by, id).await;
                return Err(NotAVideo.into());
            }
            Appended { broken: Some(error), .. } => {
                return Err(BodyFault::behind(error.as_ref()).into());
            }
        }
    }
    if standing.offset == length(upload) {
        standing.video = Some(finish(by, upload).await?);
    }
    Ok(standing)
}

/// Takes an upload away. The record goes first: then nobody publishes it or begins to append to it any more. Bytes
/// without a record expire.
pub(super) async fn terminate(by: &Uploader, id: Id) -> Result<(), Refusal> {
    delete(by, id).await?;
    finish::clear(&by.app, id).await.map_err(refuse)
}

/// Takes away an upload that can become nothing. What stays, expires.
pub(super) async fn end(by: &Uploader, id: Id) {
    if let Err(refusal) = terminate(by, id).await {
        tracing::warn!(%id, code = refusal.code().name(), "a refused upload stays for a while");
    }
}

async fn delete(by: &Uploader, id: Id) -> Result<(), CallError> {
    let request = DeleteUploadReq { upload_id: id.0 };
    by.login.acts(calls::answer(by.app.services.video.delete_upload(request))).await?;
    Ok(())
}

/// The stream, which breaks off with [`NotAVideo`] as soon as the first bytes of the file show that it is none.
async fn sniffed(
    by: &Uploader,
    upload: &Upload,
    offset: u64,
    bytes: ChunkStream,
) -> Result<ChunkStream, SegmentError> {
    if offset >= SNIFF_BYTES as u64 {
        return Ok(bytes);
    }
    let head = by.app.uploads.segments.first_bytes(Id(upload.id), SNIFF_BYTES).await?;
    let mut sniffer = Sniffer::new(head, length(upload));
    let watched = bytes.map(move |piece: Result<Bytes, BoxError>| {
        let piece = piece?;
        sniffer.watch(&piece)?;
        Ok(piece)
    });
    Ok(watched.boxed())
}

fn busy() -> Refusal {
    Refusal::with(Code::Conflict, "another request works on this upload")
}

fn refuse(error: SegmentError) -> Refusal {
    match error {
        SegmentError::Busy => busy(),
        SegmentError::TooLong(_) => {
            Refusal::transport(StatusCode::PAYLOAD_TOO_LARGE, "Upload-Length: is less than what was sent")
        }
        SegmentError::TooManySegments => {
            Refusal::transport(StatusCode::BAD_REQUEST, "the upload came in too many small pieces")
        }
        error => error.into(),
    }
}

/// Bytes of the whole file.
pub(super) fn length(upload: &Upload) -> u64 {
    upload.length.unsigned_abs()
}
