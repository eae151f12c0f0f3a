//! Batches from the video and social services: what moves the counts of users, and covers that come and go.

use std::collections::HashMap;

use fanone_base::{Id, InvalidField};
use fanone_store::OutboxEvent;

use crate::{
    error::UserError,
    pictures::{self, Pictures},
    store::{Picture, batches},
};

/// As many as a sender may be configured to put into a batch.
const EVENTS_MAX: usize = 10_000;
/// No counter moves so far: sums stay below 64 bits.
const DELTA_MAX: u64 = 1 << 40;
const SOURCE_BYTES_MAX: usize = 64;

/// The numbers of `EventKind` in `base.thrift` that concern this service.
pub(crate) mod kind {
    pub(crate) const USER_VIDEOS: i32 = 3;
    pub(crate) const USER_LIKES: i32 = 4;
    pub(crate) const USER_FOLLOWING: i32 = 5;
    pub(crate) const USER_FOLLOWERS: i32 = 6;
    pub(crate) const COVER_ADDED: i32 = 7;
    pub(crate) const COVER_REMOVED: i32 = 8;
}

/// One event of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// One of [`kind`]; others change nothing here.
    pub(crate) kind: i32,
    /// A user or, for covers, a picture.
    pub(crate) entity: Id,
    pub(crate) delta: i64,
    /// The cover that is added.
    pub(crate) picture: Option<Picture>,
}

/// A sealed batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) source: String,
    pub(crate) number: i64,
    pub(crate) events: Vec<Event>,
}

/// Applies batches, each once.
#[derive(Clone)]
pub(crate) struct Events {
    pub(crate) pictures: Pictures,
}

impl Events {
    /// Applies a batch; one that has been applied changes nothing. Unknown users and pictures are ignored,
    /// and so are covers that no library can hold: nothing may hold up the counts that come behind.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), UserError> {
        check(&batch)?;
        let mut covers = HashMap::new();
        let mut events = Vec::with_capacity(batch.events.len());
        // What a batch adds and removes again ends up removed, in the table and in the index.
        let mut removed = Vec::new();
        for Event { kind, entity, delta, picture } in batch.events {
            match (kind, picture) {
                (kind::COVER_ADDED, Some(picture)) => {
                    if let Err(error) = pictures::check(&picture.media_key, &picture.vector, &picture.model) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(picture = picture.id, error, "a cover is left out");
                        continue;
                    }
                    events.push(OutboxEvent::counter(kind, Id(picture.id), delta));
                    covers.insert(picture.id, picture);
                    continue;
                }
                (kind::COVER_REMOVED, _) => removed.push(entity),
                _ => {}
            }
            events.push(OutboxEvent::counter(kind, entity, delta));
        }
        batches::apply(&self.pictures.store, &batch.source, batch.number, events, covers.clone()).await?;
        self.pictures.added(covers.into_values().collect()).await;
        self.pictures.removed(&removed).await;
        Ok(())
    }
}

fn check(batch: &Batch) -> Result<(), InvalidField> {
    if batch.source.is_empty() || batch.source.len() > SOURCE_BYTES_MAX {
        return Err(InvalidField::new("source", format!("must be 1 to {SOURCE_BYTES_MAX} bytes")));
    }
    if batch.number < 1 {
        return Err(InvalidField::new("number", "must be at least 1"));
    }
    if batch.events.len() > EVENTS_MAX {
        return Err(InvalidField::new("events", format!("must be at most {EVENTS_MAX}")));
    }
    if batch.events.iter().any(|event| event.delta.unsigned_abs() > DELTA_MAX) {
        return Err(InvalidField::new("delta", format!("must be at most {DELTA_MAX}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fanone_vectors::to_bytes;
    use volo_gen::fanone::base::EventKind;

    use super::*;
    use crate::testing::{MODEL, World};

    fn counter(kind: i32, entity: Id, delta: i64) -> Event {
        Event { kind, entity, delta, picture: None }
    }

    fn cover(id: Id, user: Id, vector: &[f32]) -> Event {
        let picture = Picture {
            id: id.0,
            media_key: format!("cover/{id}"),
            user_id: user.0,
            video_id: id.0,
            vector: to_bytes(vector),
            model: MODEL.into(),
            created_at: 1,
        };
        Event { kind: kind::COVER_ADDED, entity: id, delta: 1, picture: Some(picture) }
    }

    fn batch(source: &str, number: i64, events: Vec<Event>) -> Batch {
        Batch { source: source.into(), number, events }
    }

    #[test]
    fn the_kinds_are_those_of_the_idl() {
        let pairs = [
            (kind::USER_VIDEOS, EventKind::USER_VIDEOS),
            (kind::USER_LIKES, EventKind::USER_LIKES),
            (kind::USER_FOLLOWING, EventKind::USER_FOLLOWING),
            (kind::USER_FOLLOWERS, EventKind::USER_FOLLOWERS),
            (kind::COVER_ADDED, EventKind::COVER_ADDED),
            (kind::COVER_REMOVED, EventKind::COVER_REMOVED),
        ];
        assert!(pairs.iter().all(|(ours, idl)| *ours == idl.inner()));
    }

    #[tokio::test]
    async fn a_batch_counts_once_however_often_it_comes() {
        let world = World::new().await;
        let (alice, bob) = (world.user("alice").await, world.user("bob").await);
        let events = vec![
            counter(kind::USER_VIDEOS, alice, 3),
            counter(kind::USER_LIKES, alice, 10),
            counter(kind::USER_LIKES, alice, -4),
            counter(kind::USER_FOLLOWING, bob, 1),
            counter(kind::USER_FOLLOWERS, alice, 1),
            counter(kind::USER_LIKES, Id(77), 5),
            counter(EventKind::VIDEO_LIKES.inner(), bob, 9),
        ];
        for (source, number) in
            [("video/1", 1), ("video/1", 1), ("video/1", 2), ("social/1", 1), ("video/1", 1)]
        {
            world.service.events.apply(batch(source, number, events.clone())).await.unwrap();
        }
        let users = world.service.accounts.get(&[alice.0, bob.0]).await.unwrap();
        let counts = |it: &crate::store::Profile| {
            [it.video_count, it.like_count, it.following_count, it.follower_count]
        };
        assert_eq!(counts(&users[0]), [9, 18, 0, 3]);
        assert_eq!(counts(&users[1]), [0, 0, 3, 0]);
    }

    #[tokio::test]
    async fn covers_come_and_go_and_survive_a_restart() {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let ids = world.service.avatars.ids.clone();
        let [first, second, third] = [0; 3].map(|_| ids.next(alice.bucket()));
        let added = vec![
            cover(first, alice, &[1.0, 0.0]),
            cover(second, alice, &[0.6, 0.8]),
            cover(third, alice, &[0.0, 1.0]),
        ];
        world.service.events.apply(batch("video/1", 1, added)).await.unwrap();
        let short_lived = ids.next(alice.bucket());
        let removed = vec![
            counter(kind::COVER_REMOVED, first, 0),
            cover(short_lived, alice, &[1.0, 0.0]),
            counter(kind::COVER_REMOVED, short_lived, 0),
        ];
        world.service.events.apply(batch("video/1", 2, removed)).await.unwrap();
        let query = to_bytes(&[1.0, 0.0]);
        for world in [&world, &world.restarted().await] {
            let found = world.service.pictures.search(&query, MODEL, 10).await.unwrap();
            let ids: Vec<i64> = found.iter().map(|found| found.picture.id).collect();
            assert_eq!(ids, [second.0, third.0]);
            assert!((found[0].score - 0.6).abs() < 1e-6);
            assert_eq!(found[0].picture.video_id, second.0);
        }
    }

    #[tokio::test]
    async fn a_cover_without_a_usable_vector_holds_nothing_up() {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let ids = world.service.avatars.ids.clone();
        let [good, other, empty, broken] = [0; 4].map(|_| ids.next(alice.bucket()));
        let first = batch("video/1", 1, vec![cover(good, alice, &[1.0, 0.0])]);
        let second = vec![
            cover(other, alice, &[1.0, 0.0, 0.0]),
            cover(empty, alice, &[]),
            cover(broken, alice, &[f32::NAN]),
            counter(kind::USER_VIDEOS, alice, 1),
        ];
        world.service.events.apply(first).await.unwrap();
        world.service.events.apply(batch("video/1", 2, second)).await.unwrap();
        let found = world.service.pictures.search(&to_bytes(&[1.0, 0.0]), MODEL, 10).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(world.service.accounts.profile(alice).await.unwrap().video_count, 1);
    }

    #[tokio::test]
    async fn an_id_in_the_index_without_a_row_is_dropped_by_the_search() {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let ids = world.service.avatars.ids.clone();
        let [kept, gone] = [0; 2].map(|_| ids.next(alice.bucket()));
        let pictures = &world.service.pictures;
        world.service.events.apply(batch("video/1", 1, vec![cover(kept, alice, &[0.0, 1.0])])).await.unwrap();
        let ghost = cover(gone, alice, &[1.0, 0.0]).picture.unwrap();
        pictures.added(vec![ghost]).await;
        let found = pictures.search(&to_bytes(&[1.0, 0.0]), MODEL, 1).await.unwrap();
        assert_eq!(found[0].picture.id, kept.0, "the row that is left is found in its place");
    }

    #[tokio::test]
    async fn what_is_no_batch_is_refused() {
        let world = World::new().await;
        let far = vec![counter(kind::USER_LIKES, Id(1), i64::MIN)];
        for wrong in [batch("", 1, vec![]), batch("a", 0, vec![]), batch("a", 1, far)] {
            assert!(matches!(world.service.events.apply(wrong).await, Err(UserError::Field(_))));
        }
    }
}
