//! Many videos at once, for a site that is filled with made-up rows. No event leaves: who loads them loads the counts
//! of the other services too.

use fanone_base::Id;
use fanone_store::{Store, StoreError, bulk};

use super::videos;
use crate::video::Video;

/// A live video to be loaded.
#[derive(Clone, Debug)]
pub struct VideoRow {
    /// In the bucket of its author; its time is when the video was made.
    pub id: Id,
    /// Who made it.
    pub author: Id,
    /// Media key of the file; no other video's.
    pub video_key: String,
    /// Media key of the cover.
    pub cover_key: String,
    /// 1 to 100 characters.
    pub title: String,
    /// At most 2,000 characters.
    pub description: String,
    /// Visits.
    pub visits: i64,
    /// Likes.
    pub likes: i64,
    /// Comments and replies.
    pub comments: i64,
}

/// Stores videos. If this fails, some may be stored.
pub async fn load(store: &Store, rows: Vec<VideoRow>) -> Result<(), StoreError> {
    let row = |row: VideoRow| {
        let video = Video {
            id: row.id,
            user: row.author,
            video_key: row.video_key,
            cover_key: row.cover_key,
            title: row.title,
            description: row.description,
            visit_count: row.visits,
            like_count: row.likes,
            comment_count: row.comments,
            created_at: row.id.millis(),
            updated_at: row.id.millis(),
            deleted_at: 0,
        };
        (row.author.bucket(), videos::row(&video))
    };
    bulk::insert(store, rows.into_iter().map(row).collect()).await
}

#[cfg(test)]
mod tests {
    use fanone_base::Page;

    use super::*;
    use crate::{search::Query, testing::Site};

    #[tokio::test]
    async fn loaded_videos_are_listed_ranked_and_found() {
        let site = Site::with_shards(2).await;
        let authors = [site.user(1), site.user(900)];
        let row = |number: i64| {
            let author = authors[number as usize % 2];
            VideoRow {
                id: Id::at(1_750_000_000_000 + number, author.bucket()),
                author,
                video_key: format!("videos/{number}.mp4"),
                cover_key: format!("covers/{number}.jpg"),
                title: format!("River {number}"),
                description: String::new(),
                visits: number,
                likes: 3,
                comments: 2,
            }
        };
        load(&site.store, (0..1200).map(row).collect()).await.unwrap();
        let page = Page::new(0, 2).unwrap();
        let (list, total) = site.videos.list(authors[1], page).await.unwrap();
        assert_eq!((list[0].title.as_str(), total), ("River 1199", 600));
        assert_eq!((list[0].created_at, list[0].id.bucket()), (1_750_000_001_199, authors[1].bucket()));
        assert_eq!((list[0].like_count, list[0].comment_count), (3, 2));
        assert_eq!(site.videos.popular(page).await.unwrap()[0], list[0]);
        assert_eq!(site.videos.feed(0).await.unwrap().len(), 30);
        let query = Query { keywords: "river 77".to_owned(), ..Query::default() };
        assert_eq!(site.videos.search(&query, page).await.unwrap().1, 11);
        assert_eq!(site.events_to_the_user_service().await.len(), 0);
    }
}
