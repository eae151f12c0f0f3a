//! Many comments and likes at once, for a site that is filled with made-up rows. No event leaves: who loads them loads
//! the counts of the other services too.

use fanone_base::Id;
use fanone_store::{Store, StoreError, bulk};

use super::{comments, likes};
use crate::{comment::Comment, like::Target};

/// A top-level comment to be loaded.
#[derive(Clone, Debug)]
pub struct CommentRow {
    /// In the bucket of its video; its time is when the comment was written.
    pub id: Id,
    /// What it is about.
    pub video: Id,
    /// Who wrote it.
    pub user: Id,
    /// At most 1,000 characters.
    pub content: String,
}

/// A like of a video to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct LikeRow {
    /// In the bucket of its user; its time is when the like was given.
    pub id: Id,
    /// Who likes, each video once.
    pub user: Id,
    /// What is liked.
    pub video: Id,
}

/// Stores comments and likes. If this fails, some may be stored.
pub async fn load(store: &Store, comments: Vec<CommentRow>, likes: Vec<LikeRow>) -> Result<(), StoreError> {
    let comment = |row: CommentRow| {
        let comment = Comment {
            id: row.id,
            video: row.video,
            parent: None,
            depth: 0,
            user: row.user,
            content: row.content,
            like_count: 0,
            child_count: 0,
            created_at: row.id.millis(),
            updated_at: row.id.millis(),
        };
        (row.video.bucket(), comments::row(&comment))
    };
    let like = |row: LikeRow| (row.user.bucket(), likes::row(row.id, row.user, Target::Video(row.video)));
    futures::try_join!(
        bulk::insert(store, comments.into_iter().map(comment).collect()),
        bulk::insert(store, likes.into_iter().map(like).collect()),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use fanone_base::Page;

    use super::*;
    use crate::{counters, testing::Site};

    #[tokio::test]
    async fn loaded_comments_and_likes_are_listed_and_tell_nobody() {
        let site = Site::open().await;
        let (video, users) = (site.id(0), [site.id(0), site.id(1)]);
        let comment = |number: i64| CommentRow {
            id: Id::at(1_750_000_000_000 + number, video.bucket()),
            video,
            user: users[0],
            content: format!("comment {number}"),
        };
        let like = |user: Id| LikeRow { id: Id::at(1_750_000_000_000, user.bucket()), user, video };
        load(&site.store, (0..600).map(comment).collect(), users.map(like).to_vec()).await.unwrap();
        let page = Page::new(0, 100).unwrap();
        let listed = site.comments.list(Target::Video(video), page).await.unwrap();
        assert_eq!((listed.len(), listed[0].content.as_str()), (100, "comment 599"));
        assert_eq!(listed[0].created_at, 1_750_000_000_599);
        for user in users {
            assert_eq!(site.likes.liked_videos(user, page).await.unwrap(), [video]);
            site.likes.like(user, Target::Video(video)).await.unwrap();
        }
        assert_eq!(site.sent(counters::VIDEO).await, []);
    }
}
