//! A video, and the reads that name what they want: videos by id, and those of one user.

use std::collections::HashMap;

use fanone_base::{Id, IdGenerator, Page};
use fanone_store::{Recent, Store};

use crate::{
    error::VideoError,
    ranking::Ranking,
    store::{listing::Listing, videos},
};

/// A published video. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Video {
    pub(crate) id: Id,
    pub(crate) user: Id,
    /// Media key of the file.
    pub(crate) video_key: String,
    /// Media key of the cover.
    pub(crate) cover_key: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) visit_count: i64,
    pub(crate) like_count: i64,
    pub(crate) comment_count: i64,
    /// The time in the id: videos sort by it as they sort by id.
    pub(crate) created_at: i64,
    /// Moves when a person changes the video, not when a counter does.
    pub(crate) updated_at: i64,
    /// 0: live.
    pub(crate) deleted_at: i64,
}

/// The use cases around videos; each has its own file.
#[derive(Clone)]
pub(crate) struct Videos {
    pub(crate) store: Store,
    pub(crate) ids: IdGenerator,
    pub(crate) recent: Recent<Read, Video>,
    pub(crate) ranking: Ranking,
}

/// A read that many make at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Read {
    One(Id),
    Feed(i64),
    Popular(Page),
}

impl Videos {
    /// On the rows of `store`.
    pub(crate) fn new(store: Store, ids: IdGenerator, ranking: Ranking) -> Self {
        Self { store, ids, recent: Recent::default(), ranking }
    }

    /// The live videos among `ids`, each once, in the order of the ids.
    pub(crate) async fn get(&self, ids: &[Id]) -> Result<Vec<Video>, VideoError> {
        if let [id] = *ids {
            let version = self.store.shard(id.bucket()).version().await;
            return Ok(self.recent.get(version, Read::One(id), videos::find_live(&self.store, ids)).await?);
        }
        let found = videos::find_live(&self.store, ids).await?;
        let mut found: HashMap<Id, Video> = found.into_iter().map(|video| (video.id, video)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// One page of a user's live videos, newest first, and how many there are.
    pub(crate) async fn list(&self, user: Id, page: Page) -> Result<(Vec<Video>, u64), VideoError> {
        let listing = Listing::of_user(user);
        let rows = listing.rows(&self.store, page.offset(), page.limit());
        Ok(futures::try_join!(rows, listing.count(&self.store))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[tokio::test]
    async fn videos_come_in_the_order_of_the_ids_without_unknown_and_deleted_ones() {
        let site = Site::with_shards(2).await;
        let (left, right) = (site.user(1), site.user(900));
        let first = site.publish(left, "first").await;
        let second = site.publish(right, "second").await;
        let gone = site.publish(left, "gone").await;
        site.videos.delete(left, gone.id).await.unwrap();
        let ids = [second.id, Id(-5), first.id, gone.id, second.id];
        assert_eq!(site.videos.get(&ids).await.unwrap(), [second, first]);
        assert_eq!(site.videos.get(&[]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_videos_of_a_user_are_paged_and_counted() {
        let site = Site::with_shards(1).await;
        let (author, other) = (site.user(1), site.user(1));
        let mut published = Vec::new();
        for number in 0..5 {
            published.push(site.publish(author, &format!("video {number}")).await);
        }
        site.publish(other, "not this one").await;
        site.videos.delete(author, published[2].id).await.unwrap();
        let (page, total) = site.videos.list(author, Page::new(1, 2).unwrap()).await.unwrap();
        assert_eq!((page, total), (vec![published[1].clone(), published[0].clone()], 4));
        let (page, total) = site.videos.list(author, Page::new(9, 2).unwrap()).await.unwrap();
        assert_eq!((page, total), (vec![], 4));
    }
}
