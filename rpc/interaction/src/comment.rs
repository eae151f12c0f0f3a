//! Comments and replies: what they are, how they are written and listed. Deleting: `delete.rs`.

use fanone_base::{Id, IdGenerator, InvalidField, Page, time};
use fanone_store::{Recent, Store};

use crate::{counters, error::InteractionError, like::Target, store::comments};

/// How deep replies may be nested. Deleting a comment takes one step for each level below it.
const DEPTH_MAX: i32 = 200;
/// New ids that are tried when another replica has just made the same.
const ID_ATTEMPTS: u32 = 3;

/// A live comment. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: Id,
    pub(crate) video: Id,
    /// The comment that this answers; none at top level.
    pub(crate) parent: Option<Id>,
    /// How many comments are above it.
    pub(crate) depth: i32,
    pub(crate) user: Id,
    pub(crate) content: String,
    pub(crate) like_count: i64,
    /// Direct replies.
    pub(crate) child_count: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// The use cases around comments.
#[derive(Clone)]
pub(crate) struct Comments {
    pub(crate) store: Store,
    ids: IdGenerator,
    /// Pages of a video's comments (no parent) or of a comment's replies.
    recent: Recent<(Id, Option<Id>, Page), Comment>,
}

impl Comments {
    pub(crate) fn new(store: Store, ids: IdGenerator) -> Self {
        Self { store, ids, recent: Recent::default() }
    }

    /// The live comment `id`.
    pub(crate) async fn find(&self, id: Id) -> Result<Comment, InteractionError> {
        let found = comments::find(self.store.shard(id.bucket()).read(), id).await?;
        found.ok_or(InteractionError::CommentNotFound)
    }

    /// Writes `content` below a video or as a reply to a live comment.
    pub(crate) async fn publish(
        &self,
        user: Id,
        target: Target,
        content: String,
    ) -> Result<Comment, InteractionError> {
        let (video, parent, depth) = match target {
            Target::Video(video) => (video, None, 0),
            Target::Comment(id) => {
                let parent = self.find(id).await?;
                (parent.video, Some(id), parent.depth + 1)
            }
        };
        if depth > DEPTH_MAX {
            let reason = format!("replies may be nested {DEPTH_MAX} deep at most");
            return Err(InvalidField::new("comment_id", reason).into());
        }
        let mut attempt = 1;
        loop {
            let id = self.ids.next(video.bucket());
            let now = time::now_ms();
            let comment = Comment {
                id,
                video,
                parent,
                depth,
                user,
                content: content.clone(),
                like_count: 0,
                child_count: 0,
                created_at: now,
                updated_at: now,
            };
            match self.add(comment).await {
                Err(InteractionError::Store(error)) if error.is_duplicate() && attempt < ID_ATTEMPTS => {
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn add(&self, comment: Comment) -> Result<Comment, InteractionError> {
        self.store
            .shard(comment.video.bucket())
            .write(move |tx| {
                let comment = comment.clone();
                Box::pin(async move {
                    if let Some(parent) = comment.parent
                        && !comments::add_replies(tx, parent, 1).await?
                    {
                        return Err(InteractionError::CommentNotFound);
                    }
                    comments::insert(tx, &comment).await?;
                    counters::record_comments(tx, comment.video, 1).await?;
                    Ok(comment)
                })
            })
            .await
    }

    /// A video's top-level comments or a live comment's direct replies, newest first.
    pub(crate) async fn list(&self, of: Target, page: Page) -> Result<Vec<Comment>, InteractionError> {
        let (video, parent) = match of {
            Target::Video(video) => (video, None),
            Target::Comment(id) => (self.find(id).await?.video, Some(id)),
        };
        let shard = self.store.shard(video.bucket());
        let rows = comments::list(shard.read(), video, parent, page);
        Ok(self.recent.get(shard.version().await, (video, parent, page), rows).await?)
    }
}

#[cfg(test)]
mod tests;
