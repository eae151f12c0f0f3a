//! The ranking: the most visited videos of everybody.

use fanone_base::Page;

use crate::{
    error::VideoError,
    store::listing::Listing,
    video::{Read, Video, Videos},
};

impl Videos {
    /// One page of the live videos, most visited first; of equals the newer first.
    pub(crate) async fn popular(&self, page: Page) -> Result<Vec<Video>, VideoError> {
        let listing = Listing::most_visited();
        let rows = listing.rows(&self.store, page.offset(), page.limit());
        Ok(self.recent.get(self.store.version().await, Read::Popular(page), rows).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[tokio::test]
    async fn the_ranking_is_the_same_on_one_shard_and_on_two() {
        for shards in [1, 2] {
            let site = Site::with_shards(shards).await;
            let users = [site.user(1), site.user(900)];
            let mut ranked = Vec::new();
            for (number, visits) in [3, 0, 5, 3, 1, 0, 2].into_iter().enumerate() {
                let video = site.publish(users[number % 2], &format!("video {number}")).await;
                for visit in 0..visits {
                    assert!(site.videos.visit(video.id, format!("viewer {visit}").as_bytes()).await.unwrap());
                }
                ranked.push((visits, video.id));
            }
            ranked.sort_unstable_by(|left, right| right.cmp(left));
            let expected: Vec<_> = ranked.into_iter().map(|(_, id)| id).collect();
            let mut found = Vec::new();
            for number in 0..4 {
                let page = site.videos.popular(Page::new(number, 2).unwrap()).await.unwrap();
                found.extend(page.into_iter().map(|video| video.id));
            }
            assert_eq!(found, expected, "{shards} shards");
            assert_eq!(site.videos.popular(Page::new(100_000, 100).unwrap()).await.unwrap(), []);
        }
    }
}
