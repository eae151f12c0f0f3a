//! Searching videos by text, time and author.

use fanone_base::{Id, Page};

use crate::{
    error::VideoError,
    store::listing::Listing,
    video::{Video, Videos},
};

/// What is searched for; all given conditions hold together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// A part of the title or of the description, ASCII letters without case; empty: any text.
    pub(crate) keywords: String,
    /// Made at this time or later, Unix milliseconds.
    pub(crate) from: Option<i64>,
    /// Made at this time or earlier, Unix milliseconds.
    pub(crate) to: Option<i64>,
    /// Made by this user.
    pub(crate) user: Option<Id>,
}

impl Videos {
    /// One page of the live videos that fit, newest first, and how many fit.
    pub(crate) async fn search(&self, query: &Query, page: Page) -> Result<(Vec<Video>, u64), VideoError> {
        let listing = Listing::matching(query);
        let rows = listing.rows(&self.store, page.offset(), page.limit());
        Ok(futures::try_join!(rows, listing.count(&self.store))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        publish::Publication,
        testing::{Site, publication},
    };

    async fn titles(site: &Site, query: Query) -> Vec<String> {
        let page = Page::new(0, 100).unwrap();
        let (videos, total) = site.videos.search(&query, page).await.unwrap();
        assert_eq!(videos.len() as u64, total);
        videos.into_iter().map(|video| video.title).collect()
    }

    fn keywords(text: &str) -> Query {
        Query { keywords: text.to_owned(), ..Query::default() }
    }

    #[tokio::test]
    async fn keywords_are_a_part_of_title_or_description() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        site.publish(user, "A Rusty Gate").await;
        site.publish(user, "学习编程语言").await;
        let described =
            Publication { description: "all about rust\nand more".into(), ..publication("plain") };
        site.videos.publish(user, described).await.unwrap();
        assert_eq!(titles(&site, keywords("RUST")).await, ["plain", "A Rusty Gate"]);
        assert_eq!(titles(&site, keywords("编程")).await, ["学习编程语言"]);
        assert_eq!(titles(&site, keywords("rust gate")).await, [""; 0]);
        assert_eq!(titles(&site, keywords("")).await.len(), 3);
    }

    #[tokio::test]
    async fn signs_that_mean_something_in_a_pattern_stand_for_themselves() {
        let site = Site::with_shards(1).await;
        let user = site.user(1);
        for title in ["100% cotton", "snake_case", r"back\slash", "wow!", "it's \"quoted\"", "plain"] {
            site.publish(user, title).await;
        }
        assert_eq!(titles(&site, keywords("%")).await, ["100% cotton"]);
        assert_eq!(titles(&site, keywords("_")).await, ["snake_case"]);
        assert_eq!(titles(&site, keywords(r"\")).await, [r"back\slash"]);
        assert_eq!(titles(&site, keywords("!")).await, ["wow!"]);
        assert_eq!(titles(&site, keywords("'s \"")).await, ["it's \"quoted\""]);
        assert_eq!(titles(&site, keywords("%plain%")).await, [""; 0]);
    }

    #[tokio::test]
    async fn conditions_hold_together_and_times_are_inclusive() {
        let site = Site::with_shards(2).await;
        let (left, right) = (site.user(1), site.user(900));
        let first = site.publish(left, "cat one").await;
        let second = site.publish_later(right, "cat two", first.created_at).await;
        let third = site.publish_later(left, "dog three", second.created_at).await;
        let all = Query { from: Some(first.created_at), to: Some(third.created_at), ..Query::default() };
        assert_eq!(titles(&site, all.clone()).await, ["dog three", "cat two", "cat one"]);
        let later = Query { from: Some(first.created_at + 1), ..keywords("cat") };
        assert_eq!(titles(&site, later).await, ["cat two"]);
        let earlier = Query { to: Some(third.created_at - 1), user: Some(left), ..all };
        assert_eq!(titles(&site, earlier).await, ["cat one"]);
        assert_eq!(titles(&site, Query { from: Some(9), to: Some(1), ..keywords("") }).await, [""; 0]);
    }

    #[tokio::test]
    async fn pages_and_totals_span_all_shards() {
        let site = Site::with_shards(2).await;
        let users = [site.user(1), site.user(900)];
        let mut expected = Vec::new();
        for number in 0..9 {
            expected.push(site.publish(users[number % 2], &format!("cat {number}")).await);
        }
        site.publish(users[0], "dog").await;
        expected.reverse();
        let mut found = Vec::new();
        for number in 0..4 {
            let (videos, total) =
                site.videos.search(&keywords("cat"), Page::new(number, 3).unwrap()).await.unwrap();
            assert_eq!(total, 9);
            found.extend(videos);
        }
        assert_eq!(found, expected);
    }
}
