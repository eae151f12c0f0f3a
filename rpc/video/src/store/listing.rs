//! Lists of live videos in an order: out of one shard, or merged out of all.
//!
//! One shard is simply paged. Several are asked side by side: for the first page each gives as many rows as the page
//! has; for a later one each gives the keys of all rows up to it, and only the rows that are on it are read.

use fanone_base::Id;
use fanone_store::{Shard, Store, StoreError};
use futures::future::try_join_all;
use sea_orm::{
    Condition, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*,
    sea_query::{
        LikeExpr,
        extension::mysql::{IndexHintScope, MySqlSelectStatementExt},
    },
};

use super::videos::{self, Column, Entity};
use crate::{search::Query, video::Video};

/// A list over everybody's videos ends here, so that a far page does not make every shard give all its keys.
pub(crate) const MERGED_MAX: u64 = 100_000;

/// The sign that takes the meaning from `%`, `_` and itself in a pattern. A backslash would not be portable: MySQL
/// reads one in a string before the pattern is looked at.
const ESCAPE: char = '!';

/// Which live videos, and in which order; of equals the one with the higher id comes first.
pub(crate) struct Listing {
    filter: Condition,
    order: Column,
    /// The only one whose videos are listed.
    user: Option<Id>,
}

impl Listing {
    /// Everybody's videos made strictly after `time`, newest first.
    pub(crate) fn newer_than(time: i64) -> Self {
        Self { filter: live().add(Column::CreatedAt.gt(time)), order: Column::CreatedAt, user: None }
    }

    /// Everybody's videos, most visited first.
    pub(crate) fn most_visited() -> Self {
        Self { filter: live(), order: Column::VisitCount, user: None }
    }

    /// The videos of one user, newest first.
    pub(crate) fn of_user(user: Id) -> Self {
        Self { filter: live().add(Column::UserId.eq(user.0)), order: Column::CreatedAt, user: Some(user) }
    }

    /// The videos that fit `query`, newest first.
    pub(crate) fn matching(query: &Query) -> Self {
        let all = Self { filter: live(), order: Column::CreatedAt, user: None };
        let Self { filter, order, user } = query.user.map_or(all, Self::of_user);
        let pattern = (!query.keywords.is_empty()).then(|| pattern(&query.keywords));
        let text = pattern.map(|pattern| {
            let like = || LikeExpr::new(pattern.as_str()).escape(ESCAPE);
            Condition::any().add(Column::Title.like(like())).add(Column::Description.like(like()))
        });
        let filter = filter
            .add_option(query.from.map(|from| Column::CreatedAt.gte(from)))
            .add_option(query.to.map(|to| Column::CreatedAt.lte(to)))
            .add_option(text);
        Self { filter, order, user }
    }

    /// `take` rows after the first `skip`.
    pub(crate) async fn rows(&self, store: &Store, skip: u64, take: u64) -> Result<Vec<Video>, StoreError> {
        let shards = self.shards(store);
        let take = if self.user.is_some() { take } else { take.min(MERGED_MAX.saturating_sub(skip)) };
        if take == 0 {
            return Ok(Vec::new());
        }
        if let [only] = shards {
            return self.rows_of(only, skip, take).await;
        }
        if skip == 0 {
            let parts = try_join_all(shards.iter().map(|shard| self.rows_of(shard, 0, take))).await?;
            let mut rows: Vec<Video> = parts.into_iter().flatten().collect();
            rows.sort_unstable_by_key(|video| std::cmp::Reverse(self.key(video)));
            rows.truncate(usize::try_from(take).unwrap_or(usize::MAX));
            return Ok(rows);
        }
        self.later_rows(store, skip, take).await
    }

    /// How many rows there are.
    pub(crate) async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let counts = self.shards(store).iter().map(|shard| self.count_of(shard));
        Ok(try_join_all(counts).await?.into_iter().sum())
    }

    /// What orders the first `take` rows, and their ids, in order.
    pub(crate) async fn keys(&self, store: &Store, take: u64) -> Result<Vec<(i64, i64)>, StoreError> {
        let parts = try_join_all(self.shards(store).iter().map(|shard| self.keys_of(shard, take))).await?;
        let mut keys = parts.concat();
        keys.sort_unstable_by(|left, right| right.cmp(left));
        keys.truncate(usize::try_from(take).unwrap_or(usize::MAX));
        Ok(keys)
    }

    async fn later_rows(&self, store: &Store, skip: u64, take: u64) -> Result<Vec<Video>, StoreError> {
        let keys = self.keys(store, skip + take).await?;
        let page = keys.into_iter().skip(usize::try_from(skip).unwrap_or(usize::MAX));
        let ids: Vec<Id> = page.map(|(_, id)| Id(id)).collect();
        let mut rows = videos::find_live(store, &ids).await?;
        rows.sort_unstable_by_key(|video| std::cmp::Reverse(self.key(video)));
        Ok(rows)
    }

    async fn rows_of(&self, shard: &Shard, skip: u64, take: u64) -> Result<Vec<Video>, StoreError> {
        let rows = self.select().offset(skip).limit(take).all(shard.read()).await?;
        Ok(rows.into_iter().map(Video::from).collect())
    }

    async fn keys_of(&self, shard: &Shard, take: u64) -> Result<Vec<(i64, i64)>, StoreError> {
        let keys = self.select().select_only().columns([self.order, Column::Id]).limit(take);
        Ok(keys.into_tuple().all(shard.read()).await?)
    }

    async fn count_of(&self, shard: &Shard) -> Result<u64, StoreError> {
        let select = self.filtered().select_only().column_as(Column::Id.count(), "count");
        let count = select.into_tuple::<i64>().one(shard.read()).await?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }

    fn select(&self) -> Select<Entity> {
        self.filtered().order_by_desc(self.order).order_by_desc(Column::Id)
    }

    /// On a server the index is named: where many videos fit, its optimizer thinks it quicker to begin at the newest
    /// video than at the time asked for, and walks over all that lie between. SQLite is not told, and does not need to be.
    fn filtered(&self) -> Select<Entity> {
        let index = match (self.user, self.order) {
            (Some(_), _) => "videos_by_user",
            (None, Column::VisitCount) => "videos_by_visits",
            (None, _) => "videos_by_time",
        };
        let mut select = Entity::find().filter(self.filter.clone());
        QueryTrait::query(&mut select).force_index(index, IndexHintScope::All);
        select
    }

    fn shards<'s>(&self, store: &'s Store) -> &'s [Shard] {
        match self.user {
            Some(user) => std::slice::from_ref(store.shard(user.bucket())),
            None => store.shards(),
        }
    }

    fn key(&self, video: &Video) -> (i64, Id) {
        match self.order {
            Column::VisitCount => (video.visit_count, video.id),
            _ => (video.created_at, video.id),
        }
    }
}

fn live() -> Condition {
    Condition::all().add(Column::DeletedAt.eq(0))
}

fn pattern(keywords: &str) -> String {
    let mut pattern = String::with_capacity(keywords.len() + 2);
    pattern.push('%');
    for char in keywords.chars() {
        if matches!(char, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait, Statement};

    use super::*;
    use crate::testing::Site;

    /// How SQLite carries out a select.
    async fn plan(site: &Site, listing: &Listing) -> String {
        let select = listing.select().limit(30).build(DbBackend::Sqlite);
        let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {}", select.sql), ..select };
        let rows = site.store.shards()[0].read().query_all_raw(explain).await.unwrap();
        let lines = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
        lines.collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn every_list_is_read_in_the_order_of_its_index() {
        let site = Site::with_shards(1).await;
        let user = Some(Id(5));
        let lists = [
            (Listing::newer_than(5), "videos_by_time"),
            (Listing::most_visited(), "videos_by_visits"),
            (Listing::of_user(Id(5)), "videos_by_user"),
            (Listing::matching(&Query { keywords: "a".into(), ..Query::default() }), "videos_by_time"),
            (Listing::matching(&Query { from: Some(1), to: Some(2), ..Query::default() }), "videos_by_time"),
            (Listing::matching(&Query { user, ..Query::default() }), "videos_by_user"),
            (Listing::matching(&Query { user, from: Some(1), ..Query::default() }), "videos_by_user"),
        ];
        for (listing, index) in lists {
            let plan = plan(&site, &listing).await;
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{index}: {plan}");
        }
    }

    #[tokio::test]
    async fn a_list_over_everybody_ends_at_its_limit() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        site.publish(user, "one").await;
        assert_eq!(Listing::most_visited().rows(&site.store, 0, MERGED_MAX).await.unwrap().len(), 1);
        assert_eq!(Listing::most_visited().rows(&site.store, u64::MAX, 5).await.unwrap(), []);
    }
}
