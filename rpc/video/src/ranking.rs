//! The ranking: the most visited videos of everybody.
//!
//! Its head is a sorted set in the cache, which all processes share; the rows of a page are read by id. The set is made of
//! the database every now and then, under a name of its own; whatever changes meanwhile goes into both, the present one
//! and the one in the making. A page that the set does not hold comes from the database.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanone_base::{Id, Page};
use fanone_cache::{Cache, CacheError, Ranked, TOP_MAX, jittered};
use fanone_store::{Store, StoreError};

use crate::{
    error::VideoError,
    store::{listing::Listing, videos},
    video::{Read, Video, Videos},
};

/// Which set is the present one.
const PRESENT: &str = "{ranking}:present";
/// Which one is being made.
const NEXT: &str = "{ranking}:next";
/// Held by who makes one.
const MAKING: &str = "{ranking}:making";
/// How long a set is used, about. Nothing in it is older.
const USED_FOR: Duration = Duration::from_secs(60);
/// The longest making of a set.
const MAKING_MAX: Duration = Duration::from_secs(10);
/// A set holds the first [`TOP_MAX`] and what rose since; half of them may be deleted before a page is wrong.
const SERVED: usize = TOP_MAX / 2;

/// The sorted set. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ranking(Arc<dyn Cache>);

/// What the set says of a page.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Page(Vec<Id>),
    /// It does not hold the whole page, or can't be asked.
    Nothing,
    /// There is none: one is to be made.
    NoSet,
}

impl Ranking {
    pub(crate) fn new(cache: Arc<dyn Cache>) -> Self {
        Self(cache)
    }

    /// A video is there, or has so many visits now.
    pub(crate) async fn raise(&self, video: Id, visits: i64) {
        let raised = async {
            for set in self.sets().await? {
                self.0.zset_raise(&set, &[(video.0, visits as f64)], 2 * USED_FOR).await?;
            }
            Ok(())
        };
        self.or_forget(raised.await).await;
    }

    /// A video has gone.
    pub(crate) async fn remove(&self, video: Id) {
        let removed = async {
            for set in self.sets().await? {
                self.0.zset_remove(&set, &[video.0]).await?;
            }
            Ok(())
        };
        self.or_forget(removed.await).await;
    }

    /// The ids of a page, as far as the set can tell.
    async fn page(&self, page: Page) -> Found {
        let end = page.offset().saturating_add(page.limit());
        if end > SERVED as u64 {
            return Found::Nothing;
        }
        let (offset, limit) = (page.offset() as usize, page.limit() as usize);
        let top = async {
            let Some(present) = self.0.shared_get(&[PRESENT]).await?.pop().flatten() else { return Ok(None) };
            let Some(set) = name(&present) else { return Ok(None) };
            Ok::<_, CacheError>(Some(self.0.zset_top(&set, offset, limit).await?))
        };
        match top.await {
            Ok(None) => Found::NoSet,
            Ok(Some(top)) if top.len() == limit => {
                Found::Page(top.into_iter().map(|(id, _)| Id(id)).collect())
            }
            Ok(Some(_)) | Err(_) => Found::Nothing,
        }
    }

    /// Makes a new set unless there is a present one or somebody is at it.
    async fn make(&self, store: &Store) -> Result<(), StoreError> {
        let made = async {
            if self.0.shared_get(&[PRESENT]).await?.pop().flatten().is_some()
                || !self.0.add(MAKING, Bytes::new(), MAKING_MAX).await?
            {
                return Ok(None);
            }
            let fresh = Bytes::from(format!("{:016x}", rand::random::<u64>()));
            // From here on changes go into it. Those from before are in the rows that are read now.
            self.0.shared_set(&[(NEXT, fresh.clone())], MAKING_MAX).await?;
            Ok::<_, CacheError>(Some(fresh))
        };
        let Ok(Some(fresh)) = made.await else { return Ok(()) };
        let Some(set) = name(&fresh) else { return Ok(()) };
        let head = Listing::most_visited().keys(store, TOP_MAX as u64).await?;
        let items: Vec<Ranked> = head.into_iter().map(|(visits, id)| (id, visits as f64)).collect();
        let filled = async {
            self.0.zset_raise(&set, &items, 2 * USED_FOR).await?;
            self.0.shared_set(&[(PRESENT, fresh)], jittered(USED_FOR)).await
        };
        let filled = filled.await;
        self.or_forget(filled).await;
        Ok(())
    }

    /// The sets that must hear of a change.
    async fn sets(&self) -> Result<Vec<String>, CacheError> {
        let names = self.0.shared_get(&[PRESENT, NEXT]).await?;
        let mut names: Vec<String> = names.iter().flatten().filter_map(name).collect();
        names.dedup();
        Ok(names)
    }

    /// A set that has missed a change is used no more; the cache does this also when it is only back later.
    async fn or_forget(&self, outcome: Result<(), CacheError>) {
        if let Err(error) = outcome {
            tracing::debug!(%error, "the ranking comes from the database for a while");
            if let Err(error) = self.0.remove(&[PRESENT, NEXT]).await {
                tracing::warn!(%error, "the ranking may be a minute old");
            }
        }
    }
}

fn name(set: &Bytes) -> Option<String> {
    Some(format!("{{ranking}}:{}", std::str::from_utf8(set).ok()?))
}

impl Videos {
    /// One page of the live videos, most visited first; of equals the newer first.
    pub(crate) async fn popular(&self, page: Page) -> Result<Vec<Video>, VideoError> {
        let rows = self.ranked(page);
        Ok(self.recent.get(self.store.version().await, Read::Popular(page), rows).await?)
    }

    async fn ranked(&self, page: Page) -> Result<Vec<Video>, StoreError> {
        match self.ranking.page(page).await {
            Found::Page(ids) => {
                let mut rows = videos::find_live(&self.store, &ids).await?;
                if rows.len() == ids.len() {
                    rows.sort_unstable_by_key(|video| std::cmp::Reverse((video.visit_count, video.id)));
                    return Ok(rows);
                }
            }
            Found::Nothing => {}
            Found::NoSet => self.make_ranking(),
        }
        Listing::most_visited().rows(&self.store, page.offset(), page.limit()).await
    }

    /// Beside what is asked now.
    fn make_ranking(&self) {
        let (ranking, store) = (self.ranking.clone(), self.store.clone());
        tokio::spawn(async move {
            if let Err(error) = ranking.make(&store).await {
                tracing::warn!(error = fanone_telemetry::chain(&error), "the ranking can't be made");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    async fn visited(site: &Site, visits: &[u32]) -> Vec<Id> {
        let users = [site.user(1), site.user(900)];
        let mut ranked = Vec::new();
        for (number, visits) in visits.iter().enumerate() {
            let video = site.publish(users[number % 2], &format!("video {number}")).await;
            for visit in 0..*visits {
                assert!(site.videos.visit(video.id, format!("viewer {visit}").as_bytes()).await.unwrap());
            }
            ranked.push((visits, video.id));
        }
        ranked.sort_unstable_by(|left, right| right.cmp(left));
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    async fn pages(site: &Site, size: i64, count: i64) -> Vec<Id> {
        let mut found = Vec::new();
        for number in 0..count {
            let page = site.videos.popular(Page::new(number, size).unwrap()).await.unwrap();
            found.extend(page.into_iter().map(|video| video.id));
        }
        found
    }

    #[tokio::test]
    async fn the_ranking_is_the_same_on_one_shard_and_on_two() {
        for shards in [1, 2] {
            let site = Site::with_shards(shards).await;
            let expected = visited(&site, &[3, 0, 5, 3, 1, 0, 2]).await;
            assert_eq!(pages(&site, 2, 4).await, expected, "{shards} shards");
            assert_eq!(site.videos.popular(Page::new(100_000, 100).unwrap()).await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn the_sorted_set_follows_visits_new_videos_and_deletions() {
        let site = Site::with_shards(2).await;
        let mut expected = visited(&site, &[3, 0, 5, 3]).await;
        site.videos.ranking.make(&site.store).await.unwrap();
        let page = Page::new(0, 4).unwrap();
        assert_eq!(site.videos.ranking.page(page).await, Found::Page(expected.clone()));
        let newest = site.publish(site.user(1), "new").await.id;
        for viewer in ["a", "b", "c", "d"] {
            site.videos.visit(newest, viewer.as_bytes()).await.unwrap();
        }
        expected.insert(1, newest);
        let gone = expected.remove(0);
        let author = site.videos.get(&[gone]).await.unwrap()[0].user;
        site.videos.delete(author, gone).await.unwrap();
        assert_eq!(site.videos.ranking.page(page).await, Found::Page(expected.clone()));
        assert_eq!(pages(&site, 2, 2).await, expected);
        let longer = Page::new(0, 5).unwrap();
        assert_eq!(site.videos.ranking.page(longer).await, Found::Nothing, "the set has no fifth");
    }
}
