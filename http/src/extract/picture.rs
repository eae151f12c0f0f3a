//! `Picture<T>`: a picture in the file field `data`, and the other fields of the operation.
//!
//! Anybody may send one, and few are decoded at a time: what all of them together take in memory is bounded.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanone_base::InvalidField;
use futures::StreamExt;
use http::request::Parts;
use http_body::Body as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use volo_http::{body::Body, context::ServerContext, server::extract::FromRequest};

use super::{
    body::{BodyFault, check_length, idle_stream},
    fields::{Fields, FromFields},
    form::unsupported,
    multipart,
};
use crate::{gate::Scope, refusal::Refusal};

/// The field that holds the file.
const FILE: &str = "data";
/// What the parts of a multipart body need beside the file: heads, boundaries, small fields.
const AROUND_BYTES: usize = 16 * 1024;
/// How long a picture may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);
/// Bytes of pictures in memory at a time, those included that wait for a decoder.
pub(crate) const PICTURE_BYTES_HELD_MAX: usize = 256 << 20;

/// The bytes of a picture, which are still to be judged, and the operation's other fields.
#[derive(Debug)]
pub(crate) struct Picture<T> {
    pub(crate) data: Bytes,
    pub(crate) fields: T,
    /// The room that its bytes take.
    _room: Option<OwnedSemaphorePermit>,
}

impl<T: FromFields> FromRequest for Picture<T> {
    type Rejection = Refusal;

    async fn from_request(cx: &mut ServerContext, parts: Parts, body: Body) -> Result<Self, Refusal> {
        let scope = Scope::of(cx)?;
        let settings = &scope.app.settings;
        let limit = settings.media.picture_max_bytes.saturating_add(AROUND_BYTES);
        let boundary = match multipart::boundary(&parts.headers) {
            Some(boundary) => boundary?,
            None if body.is_end_stream() => return Err(InvalidField::missing(FILE).into()),
            None => return Err(unsupported()),
        };
        check_length(&body, limit)?;
        let mut room = None;
        let pieces = idle_stream(body, settings.http.body_idle_timeout());
        let pieces = pieces.map(|piece| take_room(&mut room, &scope.app.picture_room, piece?));
        let mut fields = Fields::default();
        let reading = multipart::read(pieces, boundary, limit, Some(FILE), &mut fields);
        let data = match timeout(ARRIVAL_MAX, reading).await {
            Ok(data) => data?,
            Err(_elapsed) => return Err(BodyFault::TooSlow.into()),
        };
        let data = data.ok_or_else(|| InvalidField::missing(FILE))?;
        if data.is_empty() {
            return Err(InvalidField::new(FILE, "is empty").into());
        }
        Ok(Self { data, fields: T::from_fields(&mut fields)?, _room: room })
    }
}

/// Adds the room of a piece to what its picture has already.
fn take_room(
    taken: &mut Option<OwnedSemaphorePermit>,
    room: &Arc<Semaphore>,
    piece: Bytes,
) -> Result<Bytes, BodyFault> {
    let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
    let Ok(more) = Arc::clone(room).try_acquire_many_owned(bytes) else { return Err(BodyFault::NoRoom) };
    match taken {
        Some(taken) => taken.merge(more),
        None => *taken = Some(more),
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use http::Method;
    use http_body::Frame;
    use volo_http::error::BoxError;

    use super::*;
    use crate::testing::front;

    #[test]
    fn a_picture_takes_room_until_it_is_dropped() {
        let room = Arc::new(Semaphore::new(10));
        let piece = || Bytes::from_static(b"picture");
        let (mut one, mut other) = (None, None);
        assert_eq!(take_room(&mut one, &room, piece()), Ok(piece()));
        assert_eq!(take_room(&mut other, &room, piece()), Err(BodyFault::NoRoom));
        drop(one);
        assert_eq!(take_room(&mut other, &room, piece()), Ok(piece()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_that_comes_drop_by_drop_is_given_up() {
        let drops = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"-"))), ()))
        });
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let front = front(&[]);
        let answer = front.ask(Method::POST, "/image/search", &headers, Body::from_stream(drops)).await;
        assert_eq!(answer.0, 408, "{}", answer.2);
    }
}
