//! Deleting a comment with everything below it, in one transaction.

use fanone_base::{Id, InvalidField, time};
use fanone_store::Tx;

use crate::{comment::Comments, counters, error::InteractionError, store::comments};

impl Comments {
    /// Deletes a comment of `user` and its replies. `video`, if given, must be the comment's.
    pub(crate) async fn delete(&self, user: Id, id: Id, video: Option<Id>) -> Result<(), InteractionError> {
        let comment = self.find(id).await?;
        if video.is_some_and(|video| video != comment.video) {
            return Err(InvalidField::new("video_id", "must be the video of the comment").into());
        }
        if comment.user != user {
            return Err(InteractionError::NotTheAuthor);
        }
        let now = time::now_ms();
        self.store
            .shard(comment.video.bucket())
            .write(move |tx| Box::pin(delete_tree(tx, comment.id, comment.parent, comment.video, now)))
            .await
    }
}

/// Works from the top down, as [`Comments::publish`] does: each level is closed to new replies
/// before the next is looked up, so that none slips in between.
async fn delete_tree(
    tx: &Tx,
    id: Id,
    parent: Option<Id>,
    video: Id,
    now: i64,
) -> Result<(), InteractionError> {
    if let Some(parent) = parent {
        comments::add_replies(tx, parent, -1).await?;
    }
    let mut deleted = comments::delete(tx, &[id], now).await?;
    if deleted == 0 {
        // Somebody else was faster; the parent's count is rolled back.
        return Err(InteractionError::CommentNotFound);
    }
    let mut level = vec![id];
    while !level.is_empty() {
        level = comments::replies(tx, video, &level).await?;
        deleted += comments::delete(tx, &level, now).await?;
    }
    let delta = 0_i64.saturating_sub_unsigned(deleted);
    counters::record_comments(tx, video, delta).await?;
    Ok(())
}
