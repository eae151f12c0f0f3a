//! Taking a video down.

use fanone_base::{Id, time};
use fanone_store::{Tx, outbox};

use crate::{
    counters,
    error::VideoError,
    store::videos,
    video::{Video, Videos},
};

impl Videos {
    /// Deletes a video of `user` and answers what it was. The row stays, with the time of its end.
    pub(crate) async fn delete(&self, user: Id, id: Id) -> Result<Video, VideoError> {
        let now = time::now_ms();
        let deleted =
            self.store.shard(id.bucket()).write(move |tx| Box::pin(delete(tx, user, id, now))).await?;
        self.ranking.remove(id).await;
        Ok(deleted)
    }
}

/// The row is closed before it is read: from then on no like changes it unseen, so the author loses
/// exactly the likes that were counted for the author.
async fn delete(tx: &Tx, user: Id, id: Id, now: i64) -> Result<Video, VideoError> {
    if !videos::mark_deleted(tx, id, user, now).await? {
        let live = videos::find(tx, id).await?.is_some_and(|video| video.deleted_at == 0);
        return Err(if live { VideoError::NotTheAuthor } else { VideoError::VideoNotFound });
    }
    let video = videos::find(tx, id).await?.ok_or(VideoError::VideoNotFound)?;
    outbox::record(tx, counters::USER, &counters::deleted(&video)).await?;
    Ok(video)
}

#[cfg(test)]
mod tests {
    use volo_gen::fanone::base::EventKind;

    use super::*;
    use crate::{events::Change, testing::Site};

    #[tokio::test]
    async fn the_author_takes_a_video_down_with_its_counts() {
        let site = Site::with_shards(1).await;
        let author = site.user(1);
        let video = site.publish(author, "one").await;
        site.videos.apply("likes", 1, vec![Change::Likes(video.id, 4)]).await.unwrap();
        site.forget_events().await;
        let deleted = site.videos.delete(author, video.id).await.unwrap();
        assert_eq!((deleted.id, deleted.like_count, &deleted.video_key), (video.id, 4, &video.video_key));
        assert!(deleted.deleted_at > 0);
        let mut events = site.events_to_the_user_service().await;
        events.sort_by_key(|(kind, ..)| *kind);
        let expected = [
            (EventKind::USER_VIDEOS, author, -1, None),
            (EventKind::USER_LIKES, author, -4, None),
            (EventKind::COVER_REMOVED, video.id, 0, None),
        ];
        assert_eq!(events, expected);
    }

    #[tokio::test]
    async fn only_the_author_deletes_and_only_once() {
        let site = Site::with_shards(1).await;
        let author = site.user(1);
        let video = site.publish(author, "one").await;
        let refused = site.videos.delete(site.user(1), video.id).await;
        assert!(matches!(refused, Err(VideoError::NotTheAuthor)), "{refused:?}");
        site.videos.delete(author, video.id).await.unwrap();
        for (user, id) in [(author, video.id), (site.user(1), video.id), (author, Id(3))] {
            let refused = site.videos.delete(user, id).await;
            assert!(matches!(refused, Err(VideoError::VideoNotFound)), "{refused:?}");
        }
    }
}
