//! Resumable uploads: where they stand, how they grow, how they end. Free of HTTP headers.
//!
//! ```text
//! begun ──append──▶ growing ──last byte──▶ whole ──publish──▶ published
//!   │                  │ no video by content  │ no video track
//!   └── terminated ────┴──────────────────────┴──▶ gone
//! ```
//!
//! The bytes are in the media store, which alone knows how many there are; the record is with the video service, which
//! alone knows whether it is published. Every step may be cut off and taken again: the keys of the final objects follow
//! from the upload's id, and the same key is published once.

use bytes::Bytes;
use fanone_base::{Code, Id};
use fanone_call::CallError;
use fanone_media::{
    Appended, BoxError, Checksum, ChunkStream, Folder, Key, MediaError, SNIFF_BYTES, SegmentError, video_kind,
};
use futures::StreamExt;
use http::StatusCode;
use sha2::{Digest, Sha256};
use volo_gen::fanone::video::{DeleteUploadReq, GetUploadReq, Upload};

use crate::{
    calls,
    compose::Problem,
    extract::{Login, body::BodyFault},
    refusal::Refusal,
    state::App,
    upload::{
        publish::{self, Draft},
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
    let answer =
        by.login.acts(calls::answer(by.app.read.video.get_upload(GetUploadReq { upload_id: id.0 }))).await?;
    Ok(calls::present(answer.upload)?)
}

/// Where an upload stands. One that is whole but was not published, because the site went down in between, is
/// published now.
pub(super) async fn standing(by: &Uploader, upload: &Upload) -> Result<Standing, Refusal> {
    let offset = match upload.video_id {
        Some(_) => length(upload),
        None => by.app.uploads.segments.offset(Id(upload.id)).await?,
    };
    let mut standing = Standing { offset, expires_at: upload.expires_at, video: upload.video_id.map(Id) };
    if offset == length(upload) && standing.video.is_none() {
        standing.video = finish(by, upload).await?;
    }
    Ok(standing)
}

/// Appends a piece; the last one publishes the video.
pub(super) async fn append(by: &Uploader, upload: &Upload, piece: Piece) -> Result<Standing, Refusal> {
    let id = Id(upload.id);
    if upload.video_id.is_some() || piece.offset == length(upload) {
        let standing = standing(by, upload).await?;
        let fits = piece.offset == standing.offset;
        return if fits { Ok(standing) } else { Err(Refusal::of(Code::UploadOffset)) };
    }
    let bytes = sniffed(by, upload, piece.offset, piece.bytes).await?;
    let appended =
        by.app.uploads.segments.append(id, piece.offset, length(upload), bytes, piece.checksum).await;
    match appended.map_err(refuse)? {
        Appended { offset, broken: None } => {
            let mut standing = Standing { offset, expires_at: upload.expires_at, video: None };
            if offset == length(upload) {
                standing.video = finish(by, upload).await?;
            }
            Ok(standing)
        }
        Appended { broken: Some(error), .. } if error.is::<NotAVideo>() => {
            end(by, id).await;
            Err(NotAVideo.into())
        }
        Appended { broken: Some(error), .. } => Err(BodyFault::behind(error.as_ref()).into()),
    }
}

/// Takes an upload away. The record goes first: only its owner can take it, and bytes without a record expire.
pub(super) async fn terminate(by: &Uploader, id: Id) -> Result<(), Refusal> {
    let _turn = by.app.uploads.turn(id).ok_or_else(busy)?;
    delete(by, id).await?;
    by.app.uploads.segments.remove(id).await.map_err(refuse)
}

/// Takes away an upload that can become nothing. What stays, expires.
pub(super) async fn end(by: &Uploader, id: Id) {
    if let Err(error) = by.app.uploads.segments.remove(id).await {
        tracing::warn!(%id, error = fanone_telemetry::chain(&error), "a refused upload stays for a while");
    }
    if let Err(error) = delete(by, id).await {
        tracing::warn!(%id, %error, "the record of a refused upload stays for a while");
    }
}

async fn delete(by: &Uploader, id: Id) -> Result<(), CallError> {
    let request = DeleteUploadReq { upload_id: id.0 };
    by.login.acts(calls::answer(by.app.write.video.delete_upload(request))).await?;
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

/// Publishes an upload that is whole; `None` while another request is doing that.
async fn finish(by: &Uploader, upload: &Upload) -> Result<Option<Id>, Refusal> {
    let Some(turn) = by.app.uploads.turn(Id(upload.id)) else { return Ok(None) };
    let (by, upload) = (by.clone(), upload.clone());
    to_the_end(by.login.clone(), async move {
        let outcome = finish_now(&by, &upload).await;
        drop(turn);
        outcome.map(Some)
    })
    .await?
}

async fn finish_now(by: &Uploader, upload: &Upload) -> Result<Id, Refusal> {
    let (id, length) = (Id(upload.id), length(upload));
    let segments = &by.app.uploads.segments;
    let actual = segments.offset(id).await?;
    if actual != length {
        // Another front was quicker, and is clearing up.
        return Err(SegmentError::Offset { asked: length, actual }.into());
    }
    let Some(kind) = video_kind(&segments.first_bytes(id, SNIFF_BYTES).await?) else {
        end(by, id).await;
        return Err(NotAVideo.into());
    };
    let video = final_key(id, Folder::Videos, kind.extension())?;
    let cover = final_key(id, Folder::Covers, "jpg")?;
    segments.concat(id, length, &video).await?;
    let draft = Draft {
        video,
        kind,
        cover,
        title: upload.title.to_string(),
        description: upload.description.to_string(),
        upload: Some(id),
    };
    match publish::publish(&by.app, draft).await {
        Ok(video) => {
            if let Err(error) = segments.remove(id).await {
                tracing::warn!(%id, error = fanone_telemetry::chain(&error), "parts of an upload stay for a while");
            }
            Ok(video)
        }
        Err(problem) => {
            if matches!(problem, Problem::Refused(Code::NotAVideo)) {
                end(by, id).await;
            }
            Err(problem.into())
        }
    }
}

/// Where the file of an upload ends up: always the same place, and nobody else's.
fn final_key(upload: Id, folder: Folder, extension: &str) -> Result<Key, MediaError> {
    let digest = Sha256::digest(format!("upload {upload}"));
    let bits = digest.first_chunk().map_or(0, |bits| u128::from_be_bytes(*bits));
    format!("{}/{bits:032x}.{extension}", folder.name()).parse()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_always_ends_up_at_the_same_key() {
        let key = |id| final_key(Id(id), Folder::Videos, "mp4").unwrap();
        assert_eq!(key(77), key(77));
        assert_ne!(key(77), key(78));
        assert_eq!(key(77).as_str().len(), "videos/".len() + 32 + ".mp4".len());
    }
}
