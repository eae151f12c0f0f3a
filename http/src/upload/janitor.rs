//! Removes what was left of uploads: of expired ones, and of writers that were killed.

use std::time::Duration;

use fanone_base::{Id, time};
use fanone_media::{Folder, Key, SegmentError};
use fanone_telemetry::jobs;
use tokio_util::sync::CancellationToken;

use crate::{lease, state::App};

const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// An upload that is just being published when it expires, on whichever front, is left alone for so long.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// How long a file that is being written may go untouched, however slowly its bytes come.
const SLOWEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The fronts share the media store: one of them is enough.
const LEASE: &str = "lease:uploads_tidy";

/// Tidies up at once and every ten minutes, until `shutdown`.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    jobs::every("uploads_tidy", || INTERVAL, shutdown, || tidy(&app)).await;
}

async fn tidy(app: &App) -> Result<(), SegmentError> {
    lease::alone(&app.cache, LEASE, tidy_now(app)).await
}

async fn tidy_now(app: &App) -> Result<(), SegmentError> {
    let folder: Key = Folder::Uploads.name().parse()?;
    let uploads = app.media.folders(&folder).await?;
    let lifetime = app.settings.upload.lifetime().saturating_add(GRACE);
    let over = |upload: &Id| is_over(*upload, lifetime, time::now_ms());
    for upload in uploads.iter().filter_map(upload).filter(over) {
        match app.uploads.segments.remove(upload).await {
            // One that is still being written to has its turn later.
            Ok(()) | Err(SegmentError::Busy) => {}
            Err(error) => return Err(error),
        }
    }
    app.media.sweep(SLOWEST).await?;
    Ok(())
}

/// The upload that a folder or a part belongs to.
fn upload(key: &Key) -> Option<Id> {
    key.as_str().split('/').nth(1)?.parse().ok()
}

/// Whether an upload's time is over: the id says when it began.
fn is_over(upload: Id, lifetime: Duration, now_ms: i64) -> bool {
    let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    upload.millis().saturating_add(lifetime_ms) <= now_ms
}

#[cfg(test)]
mod tests {
    use fanone_base::{Bucket, IdGenerator};
    use futures::{StreamExt, stream};

    use super::*;
    use crate::lease::Lease;
    use crate::testing::front;

    #[tokio::test]
    async fn the_parts_of_an_expired_upload_go_and_those_of_a_fresh_one_stay() {
        let front = front(&[]);
        let segments = &front.app.uploads.segments;
        // An id of the first day that ids know.
        let (old, fresh) = (Id(1 << 40), IdGenerator::default().next(Bucket::new(1)));
        for id in [old, fresh] {
            let piece = stream::iter([Ok(bytes::Bytes::from_static(b"part"))]).boxed();
            segments.append(id, 0, 100, piece, None).await.unwrap();
        }

        tidy(&front.app).await.unwrap();

        assert_eq!(segments.offset(old).await.unwrap(), 0);
        assert_eq!(segments.offset(fresh).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn one_front_tidies_at_a_time() {
        let front = front(&[]);
        let other = front.beside();
        let old = Id(1 << 40);
        let piece = stream::iter([Ok(bytes::Bytes::from_static(b"part"))]).boxed();
        front.app.uploads.segments.append(old, 0, 100, piece, None).await.unwrap();
        let lease = Lease::take(&front.app.cache, LEASE).await.unwrap();

        tidy(&other.app).await.unwrap();
        assert_eq!(other.app.uploads.segments.offset(old).await.unwrap(), 4, "the other one is at it");

        lease.release().await;
        tidy(&other.app).await.unwrap();
        assert_eq!(front.app.uploads.segments.offset(old).await.unwrap(), 0);
    }

    #[test]
    fn a_part_belongs_to_its_upload() {
        let of = |key: &str| upload(&key.parse().unwrap());
        assert_eq!(of("uploads/77/00000000000000000000"), Some(Id(77)));
        assert_eq!(of("uploads/x/00000000000000000000"), None);
        assert_eq!(of("uploads"), None);
    }

    #[test]
    fn an_upload_is_over_after_its_lifetime() {
        let id = IdGenerator::default().next(Bucket::new(1));
        let day = Duration::from_secs(86_400);
        assert!(!is_over(id, day, id.millis() + 86_399_999));
        assert!(is_over(id, day, id.millis() + 86_400_000));
        assert!(!is_over(id, Duration::MAX, i64::MAX - 1));
    }
}
