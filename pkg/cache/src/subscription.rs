//! The receiving end of a channel.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};

/// What a subscriber receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Bytes),
    /// The subscriber was too slow, and this many messages are lost. It must look at the source of truth again.
    Lagged(u64),
}

/// A subscription to a channel; dropping it ends it. It is a [`Stream`] that ends only with the cache itself.
pub struct Subscription(BoxStream<'static, Event>);

impl Subscription {
    pub(crate) fn new(events: impl Stream<Item = Event> + Send + 'static) -> Self {
        Self(events.boxed())
    }

    /// The next event; waits for it. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next_unpin(context)
    }
}
