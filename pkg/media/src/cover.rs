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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::testing::{Guard, stores};
    use crate::{SNIFF_BYTES, holds_video, video_kind};

    use super::*;

    const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/clips/01.mp4");
    const LONG: Duration = Duration::from_secs(60);

    fn ffmpeg_is_installed() -> bool {
        std::process::Command::new("ffmpeg").arg("-version").output().is_ok()
    }

    fn video() -> Key {
        "videos/a.mp4".parse().unwrap()
    }

    async fn store_with(content: Vec<u8>) -> (Guard, Vec<MediaStore>) {
        let (folder, stores) = stores();
        for store in &stores {
            store.put(&video(), content.clone().into()).await.unwrap();
        }
        (folder, stores)
    }

    /// A program that stands in for a broken ffmpeg.
    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_video_gets_a_real_frame_where_there_is_ffmpeg() {
        let (_folder, stores) = store_with(std::fs::read(CLIP).unwrap()).await;
        for store in stores {
            let cover =
                Covers::new("ffmpeg", LONG, 1).make(&store, &video(), VideoKind::Mp4, "t").await.unwrap();
            let picture = image::load_from_memory(&cover.jpeg).unwrap();
            let (source, size) = match ffmpeg_is_installed() {
                true => (CoverSource::Frame, (320, 180)),
                false => (CoverSource::TitleCard, (720, 405)),
            };
            assert_eq!((cover.source, (picture.width(), picture.height())), (source, size));
        }
    }

    #[tokio::test]
    async fn every_container_is_known_and_gives_a_frame() {
        if !ffmpeg_is_installed() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        for kind in [VideoKind::Mov, VideoKind::Mkv, VideoKind::Flv, VideoKind::Ts] {
            let file = folder.path().join("clip").with_extension(kind.extension());
            let mut remux = std::process::Command::new("ffmpeg");
            remux.args(["-nostdin", "-v", "error", "-i", CLIP, "-an", "-c", "copy"]).arg(&file);
            assert!(remux.status().unwrap().success());
            let content = std::fs::read(&file).unwrap();
            assert_eq!(video_kind(&content[..SNIFF_BYTES]), Some(kind));
            let (_folder, stores) = store_with(content).await;
            let store = stores.first().unwrap();
            assert!(holds_video(store, &video(), kind).await.unwrap());
            let cover = Covers::new("ffmpeg", LONG, 1).make(store, &video(), kind, "t").await.unwrap();
            assert_eq!(cover.source, CoverSource::Frame, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn without_ffmpeg_there_is_a_title_card() {
        let (_folder, stores) = store_with(std::fs::read(CLIP).unwrap()).await;
        let store = stores.first().unwrap();
        let covers = Covers::new("/nowhere/ffmpeg", LONG, 1);
        for _ in 0..2 {
            let cover = covers.make(store, &video(), VideoKind::Mp4, "夏天").await.unwrap();
            assert_eq!(cover.source, CoverSource::TitleCard);
            assert!(image::load_from_memory(&cover.jpeg).is_ok());
        }
    }

    #[tokio::test]
    async fn a_broken_video_and_a_playlist_get_a_title_card() {
        let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
        for content in [&playlist[..], b"\0\0\0\x10ftypisom\0\0\0\0", b""] {
            let (_folder, stores) = store_with(content.to_vec()).await;
            for store in stores {
                for kind in VideoKind::ALL {
                    let cover =
                        Covers::new("ffmpeg", LONG, 1).make(&store, &video(), kind, "t").await.unwrap();
                    assert_eq!(cover.source, CoverSource::TitleCard);
                }
            }
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_or_talks_rubbish_is_given_up() {
        let (_folder, stores) = store_with(b"x".to_vec()).await;
        let store = stores.first().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (script, timeout) in [
            ("exec sleep 1000", Duration::from_millis(300)),
            ("exec yes", LONG),
            ("exec yes >&2", Duration::from_millis(300)),
            ("echo no picture", LONG),
            ("printf '\\377\\330\\377'; exit 1", LONG),
        ] {
            let covers = Covers::new(program(folder.path(), script), timeout, 1);
            let cover = covers.make(store, &video(), VideoKind::Mp4, "t").await.unwrap();
            assert_eq!(cover.source, CoverSource::TitleCard, "{script}");
            assert_eq!(covers.permits.available_permits(), 1, "{script}");
        }
    }
}
