//! Whether a request was answered without its body having been read to the end. Such a connection can't take another
//! request, and the client must be told, or its next request runs into the closing of the connection.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use volo_http::body::Body;

/// Remembers whether a body was read to its end.
pub(crate) struct Unread(Option<Arc<AtomicBool>>);

impl Unread {
    /// Watches a body.
    pub(crate) fn watch(body: Body) -> (Body, Self) {
        if body.is_end_stream() {
            return (body, Self(None));
        }
        let ended = Arc::new(AtomicBool::new(false));
        (Body::from_body(Watched { body, ended: ended.clone() }), Self(Some(ended)))
    }

    /// Whether there is something left.
    pub(crate) fn is_left(&self) -> bool {
        self.0.as_ref().is_some_and(|ended| !ended.load(Ordering::Relaxed))
    }
}

struct Watched {
    body: Body,
    ended: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.ended.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_is_left_until_its_end_was_read() {
        let (body, unread) = Unread::watch(Body::from("text"));
        assert!(unread.is_left());
        body.collect().await.unwrap();
        assert!(!unread.is_left());
        assert!(!Unread::watch(Body::empty()).1.is_left());
    }
}
