//! Counting visits: at most one per viewer and video in ten minutes.

use fanone_base::{Bucket, Id, time};
use fanone_store::Tx;
use sha2::{Digest, Sha256};

use crate::{
    error::VideoError,
    store::{videos, visits},
    video::Videos,
};

/// For how long a viewer's further visits to a video don't count, milliseconds.
pub(crate) const QUIET_MS: i64 = 10 * 60 * 1000;

impl Videos {
    /// A visit of `viewer`; whether it counted.
    pub(crate) async fn visit(&self, video: Id, viewer: &[u8]) -> Result<bool, VideoError> {
        self.visit_at(video, viewer, time::now_ms()).await
    }

    async fn visit_at(&self, video: Id, viewer: &[u8], now: i64) -> Result<bool, VideoError> {
        let shard = self.store.shard(video.bucket());
        let visit = visit_id(video, viewer);
        if !videos::is_live(shard.read(), video).await? {
            return Err(VideoError::VideoNotFound);
        }
        // Players repeat themselves: most visits that don't count end here, without a transaction.
        if visits::last(shard.read(), visit).await?.is_some_and(|last| last > now - QUIET_MS) {
            return Ok(false);
        }
        let counted = shard.write(move |tx| Box::pin(count(tx, video, visit, now))).await?;
        if let Some(visits) = counted {
            self.ranking.raise(video, visits).await;
        }
        Ok(counted.is_some())
    }
}

/// How many visits there are now, if this one counts.
async fn count(tx: &Tx, video: Id, visit: i64, now: i64) -> Result<Option<i64>, VideoError> {
    if !visits::claim(tx, visit, now, now - QUIET_MS).await? {
        return Ok(None);
    }
    if !videos::add_visit(tx, video).await? {
        return Err(VideoError::VideoNotFound);
    }
    Ok(videos::find(tx, video).await?.map(|video| video.visit_count))
}

/// Names the pair of a video and a viewer. A viewer may be an address of a person, so it is not kept as it came;
/// 54 bits are enough to tell the visits of ten minutes apart. The other ten are those of the video's bucket, as in any id,
/// so that the row goes with the video when its bucket moves to another shard. (Rows of a version that used all 64 bits for
/// the hash are not found any more: a viewer may count once more, and after ten minutes they are purged.)
fn visit_id(video: Id, viewer: &[u8]) -> i64 {
    let digest = Sha256::new().chain_update(video.0.to_le_bytes()).chain_update(viewer).finalize();
    let hash = digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte));
    hash & !i64::from(Bucket::COUNT - 1) | i64::from(video.bucket().number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[tokio::test]
    async fn a_viewer_counts_once_in_ten_minutes() {
        let site = Site::with_shards(1).await;
        let author = site.user(1);
        let video = site.publish(author, "one").await;
        let other = site.publish(author, "two").await;
        let now = time::now_ms();
        let visit =
            async |id, viewer: &str, at| site.videos.visit_at(id, viewer.as_bytes(), at).await.unwrap();
        assert!(visit(video.id, "ann", now).await);
        assert!(!visit(video.id, "ann", now + QUIET_MS - 1).await);
        assert!(visit(video.id, "bob", now).await);
        assert!(visit(other.id, "ann", now).await);
        assert!(visit(video.id, "ann", now + QUIET_MS).await);
        assert!(!visit(video.id, "ann", now + QUIET_MS + 1).await);
        let found = site.videos.get(&[video.id, other.id]).await.unwrap();
        assert_eq!((found[0].visit_count, found[1].visit_count), (3, 1));
        assert_eq!(found[0].updated_at, video.updated_at);
    }

    #[tokio::test]
    async fn visits_side_by_side_count_once() {
        let site = Site::with_shards(1).await;
        let video = site.publish(site.user(1), "one").await;
        let visits = (0..20).map(|_| site.videos.visit(video.id, b"ann"));
        let counted = futures::future::try_join_all(visits).await.unwrap();
        assert_eq!(counted.into_iter().filter(|counted| *counted).count(), 1);
        assert_eq!(site.videos.get(&[video.id]).await.unwrap()[0].visit_count, 1);
    }

    #[tokio::test]
    async fn unknown_and_deleted_videos_have_no_visits() {
        let site = Site::with_shards(1).await;
        let author = site.user(1);
        let video = site.publish(author, "one").await;
        assert!(site.videos.visit(video.id, b"ann").await.unwrap());
        site.videos.delete(author, video.id).await.unwrap();
        for (id, viewer) in [(video.id, b"ann"), (video.id, b"bob"), (Id(5), b"ann"), (Id(-5), b"ann")] {
            let refused = site.videos.visit(id, viewer).await;
            assert!(matches!(refused, Err(VideoError::VideoNotFound)), "{refused:?}");
        }
    }

    #[test]
    fn a_visit_is_in_the_bucket_of_its_video() {
        for video in [Id(1), Id((7 << 22) | 1023), Id((9 << 22) | 512)] {
            let visits = [b"ann", b"bob"].map(|viewer| Id(visit_id(video, viewer)));
            assert!(visits.iter().all(|visit| visit.bucket() == video.bucket()));
            assert_ne!(visits[0], visits[1]);
        }
    }

    #[tokio::test]
    async fn old_visits_are_purged() {
        let site = Site::with_shards(1).await;
        let video = site.publish(site.user(1), "one").await;
        let now = time::now_ms();
        site.videos.visit_at(video.id, b"ann", now).await.unwrap();
        site.videos.visit_at(video.id, b"bob", now + 5).await.unwrap();
        let shard = &site.store.shards()[0];
        visits::purge(shard, now + 1).await.unwrap();
        assert_eq!(visits::last(shard.read(), visit_id(video.id, b"ann")).await.unwrap(), None);
        assert_eq!(visits::last(shard.read(), visit_id(video.id, b"bob")).await.unwrap(), Some(now + 5));
    }
}
