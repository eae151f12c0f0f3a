//! Reading a body that may be too large, too slow, or broken off.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use volo_http::body::Body;

use crate::refusal::Refusal;

/// When a client may try again whose body found no room, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// Longer than the operation allows.
    #[error("the request body is too large")]
    TooLarge,
    /// The client was silent for too long.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// Bodies of this kind take as much memory as they may already.
    #[error("there is no room for the request body")]
    NoRoom,
    /// The connection broke off, or the chunks are malformed.
    #[error("the request body is incomplete")]
    Broken,
}

impl BodyFault {
    /// What was behind an error of a library that has read the body for us.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<LengthLimitError>() {
                return Self::TooLarge;
            }
            if let Some(fault) = error.downcast_ref::<Self>() {
                return *fault;
            }
            cause = error.source();
        }
        Self::Broken
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => {
                Self::transport(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large")
            }
            BodyFault::TooSlow => {
                Self::transport(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time")
            }
            BodyFault::NoRoom => Self::busy(RETRY_AFTER_S),
            BodyFault::Broken => Self::transport(StatusCode::BAD_REQUEST, "the request body is incomplete"),
        }
    }
}

/// The whole body, of at most `limit` bytes, if it arrives before `deadline`. Chunked bodies are counted too.
pub(crate) async fn read_all(body: Body, limit: usize, deadline: Instant) -> Result<Bytes, BodyFault> {
    check_length(&body, limit)?;
    match timeout_at(deadline, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) => Err(BodyFault::behind(error.as_ref())),
        Err(_elapsed) => Err(BodyFault::TooSlow),
    }
}

/// Refuses a body that says itself that it is longer than `limit`.
pub(crate) fn check_length(body: &Body, limit: usize) -> Result<(), BodyFault> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).is_ok_and(|length| length <= limit) {
        Ok(())
    } else {
        Err(BodyFault::TooLarge)
    }
}

/// The pieces of a body, each of which must arrive within `idle` after the one before.
pub(crate) fn idle_stream(body: Body, idle: Duration) -> impl Stream<Item = Result<Bytes, BodyFault>> + Send {
    let pieces = tokio_stream::StreamExt::timeout(body.into_data_stream(), idle);
    pieces.map(|piece| match piece {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(BodyFault::behind(error.as_ref())),
        Err(_elapsed) => Err(BodyFault::TooSlow),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of unknown length.
    pub(crate) fn chunked(pieces: &'static [&'static [u8]]) -> Body {
        let frames = pieces.iter().map(|piece| Ok(http_body::Frame::data(Bytes::from_static(piece))));
        Body::from_stream(futures::stream::iter(frames))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_announced_or_not() {
        assert_eq!(read_all(Body::from("12345"), 4, soon()).await, Err(BodyFault::TooLarge));
        assert_eq!(read_all(chunked(&[b"123", b"45"]), 4, soon()).await, Err(BodyFault::TooLarge));
        assert_eq!(read_all(chunked(&[b"12", b"34"]), 4, soon()).await.unwrap(), "1234");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let silent = || Body::from_stream(futures::stream::pending());
        assert_eq!(read_all(silent(), 4, soon()).await, Err(BodyFault::TooSlow));
        let mut pieces = std::pin::pin!(idle_stream(silent(), Duration::from_secs(1)));
        assert_eq!(pieces.next().await, Some(Err(BodyFault::TooSlow)));
    }

    #[tokio::test]
    async fn a_broken_body_is_told_apart() {
        let broken = Body::from_stream(futures::stream::iter([Err("reset".into())]));
        assert_eq!(read_all(broken, 4, soon()).await, Err(BodyFault::Broken));
    }
}
