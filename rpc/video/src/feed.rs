//! The feed: the newest videos of everybody.

use crate::{
    error::VideoError,
    store::listing::Listing,
    video::{Read, Video, Videos},
};

/// The most videos in one answer.
const FEED_MAX: u64 = 30;

impl Videos {
    /// Live videos made strictly after `latest_time` (Unix milliseconds), newest first, at most 30.
    pub(crate) async fn feed(&self, latest_time: i64) -> Result<Vec<Video>, VideoError> {
        let listing = Listing::newer_than(latest_time);
        let rows = listing.rows(&self.store, 0, FEED_MAX);
        Ok(self.recent.get(self.store.version().await, Read::Feed(latest_time), rows).await?)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn the_feed_is_merged_out_of_all_shards_newest_first() {
        let site = Site::with_shards(2).await;
        let users = [site.user(1), site.user(900)];
        let mut published = Vec::new();
        for number in 0..40 {
            published.push(site.publish(users[number % 2], &format!("video {number}")).await);
        }
        let gone = published.remove(38);
        site.videos.delete(gone.user, gone.id).await.unwrap();
        published.reverse();
        assert_eq!(site.videos.feed(0).await.unwrap(), published[..30]);
    }

    #[tokio::test]
    async fn the_feed_starts_strictly_after_the_given_time() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        let video = site.publish(user, "one").await;
        assert_eq!(site.videos.feed(video.created_at).await.unwrap(), []);
        for earlier in [video.created_at - 1, 0, i64::MIN] {
            assert_eq!(site.videos.feed(earlier).await.unwrap(), std::slice::from_ref(&video));
        }
        assert_eq!(site.videos.feed(i64::MAX).await.unwrap(), []);
    }
}
