//! How videos come in: in one request (`form`), or piece by piece (`tus`). Either way they are streamed into the media
//! store, judged by their content, and published when they are whole.

pub(crate) mod form;
pub(crate) mod janitor;
mod publish;
mod sniffer;
pub(crate) mod tus;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanone_base::Id;
use fanone_config::Settings;
use fanone_media::{Covers, MediaStore, Segments};
use fanone_telemetry::names;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{extract::Login, refusal::Refusal, state::App};

/// Programs that take covers from videos, at a time: each of them keeps a core busy.
const COVERS_AT_A_TIME: usize = 2;
/// When a client may try again that found the site busy, in seconds.
const RETRY_AFTER_S: u64 = 5;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What uploads share.
pub(crate) struct Uploads {
    segments: Segments,
    covers: Covers,
    /// One permit for each body that is being read.
    slots: Arc<Semaphore>,
}

impl Uploads {
    pub(crate) fn new(settings: &Settings, media: &MediaStore) -> Self {
        let timeout = Duration::from_millis(settings.media.ffmpeg_timeout_ms);
        Self {
            segments: Segments::new(media.clone(), settings.upload.segment_bytes),
            covers: Covers::new(&settings.media.ffmpeg, timeout, COVERS_AT_A_TIME),
            slots: Arc::new(Semaphore::new(settings.upload.concurrent_max)),
        }
    }

    /// The right to read the body of an upload. Each takes memory, so there are only so many.
    fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().ok();
        permit.ok_or_else(|| Refusal::busy(RETRY_AFTER_S))
    }
}

/// Counts bytes of an upload as they come in.
fn received(piece: &Bytes) {
    metrics::counter!(names::UPLOAD_BYTES).increment(piece.len() as u64);
}

/// Counts one more upload of a user that the video service does not see coming, and refuses what is too many for a day.
async fn count(app: &App, user: Id) -> Result<(), Refusal> {
    let limits = &app.live.get().limits;
    if !limits.enabled {
        return Ok(());
    }
    match app.cache.incr(&format!("limit:uploads:{user}"), 1, DAY).await {
        Ok(count) if count > i64::from(limits.uploads_per_user) => Err(Refusal::too_many(DAY.as_secs())),
        Ok(_) => Ok(()),
        // Better no limit for a while than no site.
        Err(error) => {
            tracing::warn!(%error, "uploads can't be counted");
            Ok(())
        }
    }
}

/// Runs `work` to its end even when the client goes away meanwhile. Its calls act for the user.
async fn to_the_end<T: Send + 'static>(
    login: Login,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::spawn(async move { login.acts(work).await }).await.map_err(|error| Refusal::fault(&error))
}
