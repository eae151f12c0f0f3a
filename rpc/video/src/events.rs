//! Counter events from the interaction service: likes and comments of videos.

use std::collections::BTreeMap;

use fanone_base::Id;
use fanone_store::{OutboxEvent, Tx, inbox, outbox};
use futures::future::BoxFuture;

use crate::{counters, error::VideoError, store::videos, video::Videos};

/// A number of a video that moved, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Likes(Id, i64),
    Comments(Id, i64),
}

const LIKES: i32 = 1;
const COMMENTS: i32 = 2;

impl From<Change> for OutboxEvent {
    fn from(change: Change) -> Self {
        match change {
            Change::Likes(video, delta) => Self::counter(LIKES, video, delta),
            Change::Comments(video, delta) => Self::counter(COMMENTS, video, delta),
        }
    }
}

impl Videos {
    /// Applies batch `number` of `source`, once however often it arrives. Likes of live videos travel on to their
    /// authors; those of deleted ones only change the row, for their author has lost its likes already.
    pub(crate) async fn apply(
        &self,
        source: &str,
        number: i64,
        changes: Vec<Change>,
    ) -> Result<(), VideoError> {
        let events = changes.into_iter().map(OutboxEvent::from).collect();
        inbox::apply(&self.store, source, number, events, apply_to_shard).await
    }
}

fn apply_to_shard(tx: &Tx, events: Vec<OutboxEvent>) -> BoxFuture<'_, Result<(), VideoError>> {
    Box::pin(async move {
        let mut liked = Vec::new();
        for (video, moved) in by_video(&events) {
            let live = videos::add_counts(tx, video, moved.likes, moved.comments).await?;
            if live && moved.likes != 0 {
                liked.push((video, moved.likes));
            }
        }
        let videos: Vec<Id> = liked.iter().map(|(video, _)| *video).collect();
        let authors = videos::authors(tx, &videos).await?;
        let mut received: BTreeMap<Id, i64> = BTreeMap::new();
        for (video, likes) in liked {
            if let Some(author) = authors.get(&video) {
                *received.entry(*author).or_default() += likes;
            }
        }
        outbox::record(tx, counters::USER, &counters::liked(received)).await?;
        Ok(())
    })
}

#[derive(Clone, Copy, Default)]
struct Moved {
    likes: i64,
    comments: i64,
}

/// One entry for each video, so that each row is written once. The order of ids is the same in every transaction,
/// so that two of them don't wait for each other.
fn by_video(events: &[OutboxEvent]) -> BTreeMap<Id, Moved> {
    let mut videos: BTreeMap<Id, Moved> = BTreeMap::new();
    for event in events {
        let moved = videos.entry(event.entity).or_default();
        match event.kind {
            LIKES => moved.likes = moved.likes.saturating_add(event.delta),
            _ => moved.comments = moved.comments.saturating_add(event.delta),
        }
    }
    videos
}

#[cfg(test)]
mod tests {
    use volo_gen::fanone::base::EventKind;

    use super::*;
    use crate::testing::Site;

    #[tokio::test]
    async fn a_batch_takes_effect_once_in_every_shard() {
        let site = Site::with_shards(2).await;
        let (left, right) = (site.user(1), site.user(900));
        let first = site.publish(left, "one").await;
        let second = site.publish(left, "two").await;
        let third = site.publish(right, "three").await;
        site.forget_events().await;
        let changes = vec![
            Change::Likes(first.id, 3),
            Change::Comments(first.id, 2),
            Change::Likes(second.id, 4),
            Change::Comments(third.id, 5),
            Change::Likes(third.id, -1),
            Change::Likes(Id(77), 9),
        ];
        for _ in 0..2 {
            site.videos.apply("interaction/1", 1, changes.clone()).await.unwrap();
        }
        let found = site.videos.get(&[first.id, second.id, third.id]).await.unwrap();
        let counts: Vec<_> = found.iter().map(|video| (video.like_count, video.comment_count)).collect();
        assert_eq!(counts, [(3, 2), (4, 0), (-1, 5)]);
        assert_eq!(found[0].updated_at, first.updated_at);
        let events = site.events_to_the_user_service().await;
        let expected = [(EventKind::USER_LIKES, left, 7, None), (EventKind::USER_LIKES, right, -1, None)];
        assert_eq!(events, expected);
    }

    #[tokio::test]
    async fn likes_of_a_deleted_video_change_its_row_only() {
        let site = Site::with_shards(1).await;
        let author = site.user(1);
        let video = site.publish(author, "one").await;
        site.videos.delete(author, video.id).await.unwrap();
        site.forget_events().await;
        let changes = vec![Change::Likes(video.id, 3), Change::Comments(video.id, 1)];
        site.videos.apply("interaction/1", 1, changes).await.unwrap();
        assert_eq!(site.events_to_the_user_service().await, []);
        let row = videos::find(site.store.shards()[0].read(), video.id).await.unwrap().unwrap();
        assert_eq!((row.like_count, row.comment_count), (3, 1));
    }
}
