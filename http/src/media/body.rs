//! The body of an answer, read from the store only as fast as the client takes it.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use fanone_media::{ByteStream, MediaError};
use futures::{Stream, StreamExt};
use http_body::Frame;
use volo_http::{body::Body, error::BoxError};

/// A stream as a body.
pub(crate) fn of(stream: ByteStream) -> Body {
    let frames = stream.map(|piece: Result<_, MediaError>| match piece {
        Ok(bytes) => Ok(Frame::data(bytes)),
        Err(error) => {
            // The head is sent: all that is left to do is to break off.
            tracing::error!(
                error = fanone_telemetry::chain(&error),
                "a media object can't be read to its end"
            );
            Err(BoxError::from(error))
        }
    });
    Body::from_stream(Shareable(Mutex::new(frames)))
}

/// A body must be `Sync`, although nothing ever shares it. The lock is never taken.
struct Shareable<S>(Mutex<S>);

impl<S: Stream + Unpin> Stream for Shareable<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let stream = self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(stream).poll_next(cx)
    }
}
