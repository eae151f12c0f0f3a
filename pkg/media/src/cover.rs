//! Covers of videos: a frame where there is ffmpeg, a card with the title otherwise.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use tokio::sync::Semaphore;

use crate::frame::{self, FrameError};
use crate::{Key, MediaError, MediaStore, VideoKind, title_card};

/// How much of a video is fetched for its cover when it is not a file on this machine.
const FETCH_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Where a cover comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverSource {
    /// A frame of the video.
    Frame,
    /// Drawn from the title.
    TitleCard,
}

/// A cover.
#[derive(Clone, Debug)]
pub struct Cover {
    /// The picture, a JPEG of at most 720 × 1280 pixels.
    pub jpeg: Bytes,
    /// Where it comes from.
    pub source: CoverSource,
}

/// Makes covers, few at a time. Clones share the bound.
#[derive(Clone, Debug)]
pub struct Covers {
    ffmpeg: Arc<Path>,
    timeout: Duration,
    permits: Arc<Semaphore>,
    told: Arc<AtomicBool>,
}

impl Covers {
    /// Covers by the program `ffmpeg` (a name found by PATH, or a path). A cover takes at most about `timeout`,
    /// waiting included; at most `concurrency` programs run at a time.
    pub fn new(ffmpeg: impl Into<PathBuf>, timeout: Duration, concurrency: usize) -> Covers {
        Covers {
            ffmpeg: ffmpeg.into().into(),
            timeout,
            permits: Arc::new(Semaphore::new(concurrency)),
            told: Arc::default(),
        }
    }

    /// The cover of a stored video. Whatever is wrong with the video or with ffmpeg, there is a cover: the reason
    /// for a title card is logged.
    ///
    /// # Errors
    /// [`MediaError`] when even the card can't be drawn.
    pub async fn make(
        &self,
        store: &MediaStore,
        video: &Key,
        kind: VideoKind,
        title: &str,
    ) -> Result<Cover, MediaError> {
        match tokio::time::timeout(self.timeout, self.frame(store, video, kind)).await {
            Ok(Ok(jpeg)) => return Ok(Cover { jpeg: jpeg.into(), source: CoverSource::Frame }),
            Ok(Err(FrameError::NoProgram)) => self.tell_once(),
            Ok(Err(error)) => tracing::warn!(%video, %error, "media.cover.no_frame"),
            Err(_) => tracing::warn!(%video, timeout = ?self.timeout, "media.cover.timeout"),
        }
        let title = title.to_owned();
        let card = tokio::task::spawn_blocking(move || title_card::draw(&title)).await?;
        let jpeg = card.map_err(std::io::Error::other)?;
        Ok(Cover { jpeg: jpeg.into(), source: CoverSource::TitleCard })
    }

    async fn frame(&self, store: &MediaStore, video: &Key, kind: VideoKind) -> Result<Vec<u8>, FrameError> {
        let _permit = self.permits.acquire().await.map_err(std::io::Error::other)?;
        match store.local_path(video) {
            Some(file) => frame::take(&self.ffmpeg, &file, kind).await,
            None => {
                let copy = fetch(store, video).await?;
                frame::take(&self.ffmpeg, copy.path(), kind).await
            }
        }
    }

    fn tell_once(&self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                program = %self.ffmpeg.display(),
                "media.cover.no_ffmpeg: covers are title cards; for real frames install ffmpeg \
                 (for example: apt-get install ffmpeg) or set media.ffmpeg to its path"
            );
        }
    }
}

/// The beginning of an object in a temporary file, which goes away with the value.
async fn fetch(store: &MediaStore, video: &Key) -> std::io::Result<tempfile::NamedTempFile> {
    let mut stream = store.read(video, 0..FETCH_BYTES_MAX).await.map_err(std::io::Error::other)?;
    let mut copy = tempfile::NamedTempFile::new()?;
    while let Some(chunk) = stream.try_next().await.map_err(std::io::Error::other)? {
        copy.write_all(&chunk)?;
    }
    Ok(copy)
}
