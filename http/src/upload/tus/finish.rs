//! The end of a resumable upload: its bytes are put together, and published.
//!
//! Two fronts may do this at once, and each may be killed anywhere. What holds then:
//!
//! - The final keys follow from the upload's id, so an attempt after a crash takes up what the one before has left.
//! - A final object is made whole or not at all, and never replaced: a run of segments does not change, so what is
//!   there is what would have been written.
//! - The video service writes the row once for an upload and answers it ever after. It ends only uploads that have no
//!   row, and an ended one gets none. So whoever learns that the upload was ended, or that its video was deleted, may
//!   remove the final objects; nobody else does, whatever goes wrong: another attempt's row may name them.
//! - Segments go after the row is there, or after the upload was ended. A slower attempt that misses them looks at the
//!   record again, and finds the video.

use fanone_base::{Code, Id};
use fanone_media::{Folder, Key, MediaError, SNIFF_BYTES, SegmentError, video_kind};
use sha2::{Digest, Sha256};
use volo_gen::fanone::video::Upload;

use super::uploads::{Uploader, end, find, length};
use crate::{
    compose::{Problem, video::discard},
    refusal::Refusal,
    state::App,
    upload::{
        publish::{self, Draft},
        sniffer::NotAVideo,
    },
};

/// Publishes an upload that is whole.
pub(super) async fn finish(by: &Uploader, upload: &Upload) -> Result<Id, Refusal> {
    let refusal = match attempt(by, upload).await {
        Ok(video) => return Ok(video),
        Err(refusal) => refusal,
    };
    match find(by, Id(upload.id)).await {
        Ok(Upload { video_id: Some(video), .. }) => Ok(Id(video)), // another attempt was quicker
        _ => Err(refusal),
    }
}

async fn attempt(by: &Uploader, upload: &Upload) -> Result<Id, Refusal> {
    let (id, length) = (Id(upload.id), length(upload));
    let segments = &by.app.uploads.segments;
    let actual = segments.offset(id).await?;
    if actual != length {
        return Err(SegmentError::Offset { asked: length, actual }.into());
    }
    let Some(kind) = video_kind(&segments.first_bytes(id, SNIFF_BYTES).await?) else {
        end(by, id).await;
        return Err(NotAVideo.into());
    };
    let video = final_key(id, Folder::Videos, kind.extension())?;
    segments.concat(id, length, &video).await?;
    let draft = Draft {
        video,
        kind,
        cover: final_key(id, Folder::Covers, "jpg")?,
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

/// Removes all that an upload has stored. It must be ended.
pub(super) async fn clear(app: &App, id: Id) -> Result<(), SegmentError> {
    let segments = &app.uploads.segments;
    if let Some(kind) = video_kind(&segments.first_bytes(id, SNIFF_BYTES).await?) {
        discard(app, final_key(id, Folder::Videos, kind.extension())?.as_str()).await;
        discard(app, final_key(id, Folder::Covers, "jpg")?.as_str()).await;
    }
    segments.remove(id).await
}

/// Where the file of an upload ends up: always the same place, and nobody else's.
fn final_key(upload: Id, folder: Folder, extension: &str) -> Result<Key, MediaError> {
    let digest = Sha256::digest(format!("upload {upload}"));
    let bits = digest.first_chunk().map_or(0, |bits| u128::from_be_bytes(*bits));
    format!("{}/{bits:032x}.{extension}", folder.name()).parse()
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
