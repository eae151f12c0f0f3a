//! What the user service is told: videos, likes and covers that came or went. The events leave with the transaction
//! that caused them and travel in batches.

use bytes::{Bytes, BytesMut};
use fanone_base::Id;
use fanone_call::CallError;
use fanone_store::{
    OutboxEvent, Shard,
    outbox::{self, Batch, DeliverError},
};
use pilota::thrift::{Message, ThriftException, binary::TBinaryProtocol};
use volo_gen::fanone::{
    base::{ApplyEventsReq, Event, EventKind, Picture},
    user::UserServiceClient,
};

use crate::{publish::CoverVector, video::Video};

/// Who hears of it.
pub(crate) const USER: &str = "fanone.user";

/// A batch has no more rows than this, so that one of covers with the longest vectors stays below the largest frame.
const BATCH_MAX: u32 = 1000;

/// Why the user service did not take a batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// It could not be asked, or said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The picture of an event can't be read.
    #[error("an event can't be decoded")]
    Decoding(#[from] ThriftException),
}

/// A video is there: one more for the author, and a cover for the picture library.
pub(crate) fn published(video: &Video, cover: &CoverVector) -> Result<[OutboxEvent; 2], ThriftException> {
    let picture = Picture {
        id: video.id.0,
        key: video.cover_key.clone().into(),
        user_id: video.user.0,
        video_id: Some(video.id.0),
        vector: cover.bytes.clone(),
        model: cover.model.clone().into(),
    };
    let added = OutboxEvent {
        kind: EventKind::COVER_ADDED.inner(),
        entity: video.id,
        delta: 0,
        payload: Some(encode(&picture)?),
    };
    Ok([counter(EventKind::USER_VIDEOS, video.user, 1), added])
}

/// A video has gone, with the likes it had.
pub(crate) fn deleted(video: &Video) -> Vec<OutboxEvent> {
    let mut events = liked([(video.user, -video.like_count)]);
    events.push(counter(EventKind::USER_VIDEOS, video.user, -1));
    events.push(counter(EventKind::COVER_REMOVED, video.id, 0));
    events
}

/// Authors received likes, or lost some.
pub(crate) fn liked(received: impl IntoIterator<Item = (Id, i64)>) -> Vec<OutboxEvent> {
    let events = received.into_iter().filter(|(_, likes)| *likes != 0);
    events.map(|(author, likes)| counter(EventKind::USER_LIKES, author, likes)).collect()
}

fn counter(kind: EventKind, entity: Id, delta: i64) -> OutboxEvent {
    OutboxEvent::counter(kind.inner(), entity, delta)
}

/// Sends what waits in a shard, in batches of at most `limit` rows.
pub(crate) async fn deliver(
    shard: Shard,
    users: UserServiceClient,
    limit: u32,
) -> Result<(), DeliverError<SendError>> {
    outbox::deliver(&shard, USER, limit.min(BATCH_MAX), |batch| send(&users, batch)).await?;
    Ok(())
}

async fn send(users: &UserServiceClient, batch: Batch) -> Result<(), SendError> {
    let events = batch.events.into_iter().map(to_thrift).collect::<Result<_, _>>()?;
    let request = ApplyEventsReq { source: batch.source.into(), number: batch.number, events };
    let answer = users.apply_events(request).await.map_err(CallError::from)?;
    Ok(fanone_call::check(answer.base)?)
}

/// The event as the user service takes it.
pub(crate) fn to_thrift(event: OutboxEvent) -> Result<Event, ThriftException> {
    Ok(Event {
        kind: event.kind.into(),
        entity_id: event.entity.0,
        delta: event.delta,
        picture: event.payload.map(decode).transpose()?,
    })
}

/// In the outbox a picture is kept in Thrift's binary form, so that a newer version can read what an older one wrote.
fn encode(picture: &Picture) -> Result<Vec<u8>, ThriftException> {
    let mut bytes = BytesMut::new();
    picture.encode(&mut TBinaryProtocol::new(&mut bytes, false))?;
    Ok(bytes.into())
}

fn decode(payload: Vec<u8>) -> Result<Picture, ThriftException> {
    Picture::decode(&mut TBinaryProtocol::new(&mut Bytes::from(payload), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_survives_the_outbox() {
        let picture = Picture {
            id: 5,
            key: "covers/5.jpg".into(),
            user_id: 6,
            video_id: Some(5),
            vector: Bytes::from(vec![7; 1380]),
            model: "model-1".into(),
        };
        assert_eq!(decode(encode(&picture).unwrap()).unwrap(), picture);
        assert!(decode(b"no picture".to_vec()).is_err());
    }
}
