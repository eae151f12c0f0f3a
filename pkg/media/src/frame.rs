//! One picture from a video, by the program ffmpeg.
//!
//! The video comes from anybody, so ffmpeg gets as little as possible: it is told the container that our own look at
//! the file found, may open nothing but that one file, has no terminal, no environment, one thread, a bound on the
//! size of the pictures it decodes and on what it may answer, and is killed when the time is over.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::{PictureKind, VideoKind, picture_kind};

/// Longest answer: a JPEG of 720 × 1280 pixels is far below.
const JPEG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much of its complaints is read, and logged.
const COMPLAINT_BYTES_MAX: u64 = 2000;

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The program is not installed.
    #[error("the program is not there")]
    NoProgram,
    /// It can't be run.
    #[error("it can't be run")]
    Io(#[from] io::Error),
    /// It found no frame.
    #[error("it gave no picture: {complaint}")]
    NoFrame {
        /// What it said about it.
        complaint: String,
    },
}

/// A frame of the video as JPEG, at most 720 × 1280 pixels. Dropping the future kills the program.
pub(crate) async fn take(ffmpeg: &Path, video: &Path, kind: VideoKind) -> Result<Vec<u8>, FrameError> {
    let mut child = Command::new(ffmpeg)
        .args(arguments(video, kind))
        .env_clear()
        .envs(
            ["PATH", "LD_LIBRARY_PATH", "SystemRoot"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => FrameError::NoProgram,
            _ => FrameError::Io(error),
        })?;
    let complain = async {
        let mut pipe = child.stderr.take();
        let complaint = read(pipe.as_mut(), COMPLAINT_BYTES_MAX).await?;
        if let Some(pipe) = &mut pipe {
            // Who complains much must not block, or die of a closed pipe, and may still find a frame.
            tokio::io::copy(pipe, &mut tokio::io::sink()).await?;
        }
        Ok(complaint)
    };
    let (jpeg, complaint) = tokio::try_join!(read(child.stdout.take(), JPEG_BYTES_MAX), complain)?;
    let status = child.wait().await?;
    if status.success() && picture_kind(&jpeg) == Some(PictureKind::Jpeg) {
        return Ok(jpeg);
    }
    let complaint = String::from_utf8_lossy(&complaint).trim().replace('\n', "; ");
    Err(FrameError::NoFrame { complaint })
}

fn arguments(video: &Path, kind: VideoKind) -> Vec<OsString> {
    let mut file = OsString::from("file:"); // so that no name is taken for a protocol or an option
    file.push(video);
    let before = "-hide_banner -nostdin -v error -threads 1 -max_pixels 40000000 -protocol_whitelist file -f";
    let mut arguments: Vec<OsString> = before.split(' ').map(OsString::from).collect();
    arguments.extend([kind.demuxer().into(), "-i".into(), file]);
    // The most typical of the first 50 frames, because the very first is often black.
    let picture = "scale=w='min(720,iw)':h='min(1280,ih)':force_original_aspect_ratio=decrease,thumbnail=50";
    let after = [
        "-an",
        "-sn",
        "-dn",
        "-threads",
        "1",
        "-vf",
        picture,
        "-frames:v",
        "1",
        "-f",
        "mjpeg",
        "-q:v",
        "4",
        "pipe:1",
    ];
    arguments.extend(after.map(OsString::from));
    arguments
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
