//! Messages from publishers to subscribers in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::subscription::{Event, Subscription};

/// Messages that a slow subscriber may be behind before it loses the oldest.
const BACKLOG: usize = 256;

type Senders = HashMap<String, Sender<Bytes>>;

/// The channels that have subscribers. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Channels(Arc<Mutex<Senders>>);

impl Channels {
    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, channel: &str, message: Bytes) {
        if let Some(sender) = self.lock().get(channel) {
            // Fails only when nobody listens, and then nobody misses it.
            let _ = sender.send(message);
        }
    }

    pub(crate) fn subscribe(&self, channel: &str) -> Subscription {
        let receiver = {
            let mut senders = self.lock();
            let sender = senders.entry(channel.to_owned()).or_insert_with(|| Sender::new(BACKLOG));
            sender.subscribe()
        };
        let listener =
            Listener { receiver: Some(receiver), channel: channel.to_owned(), channels: self.clone() };
        Subscription::new(stream::unfold(listener, |mut listener| async move {
            let event = listener.next().await?;
            Some((event, listener))
        }))
    }
}

/// A receiver that takes its channel away when it was the last one.
struct Listener {
    receiver: Option<Receiver<Bytes>>,
    channel: String,
    channels: Channels,
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        match self.receiver.as_mut()?.recv().await {
            Ok(message) => Some(Event::Message(message)),
            Err(RecvError::Lagged(lost)) => Some(Event::Lagged(lost)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut senders = self.channels.lock();
        // The receiver goes first, and under the lock, so that of two last ones exactly one sees an empty channel.
        self.receiver = None;
        if senders.get(&self.channel).is_some_and(|sender| sender.receiver_count() == 0) {
            senders.remove(&self.channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Event {
        Event::Message(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[tokio::test]
    async fn every_subscriber_of_the_channel_gets_the_message() {
        let channels = Channels::default();
        channels.publish("c", Bytes::from_static(b"nobody listens"));
        let (mut one, mut two, mut other) =
            (channels.subscribe("c"), channels.subscribe("c"), channels.subscribe("d"));
        channels.publish("c", Bytes::from_static(b"m"));
        channels.publish("d", Bytes::from_static(b"n"));
        assert_eq!(one.next().await, Some(message("m")));
        assert_eq!(two.next().await, Some(message("m")));
        assert_eq!(other.next().await, Some(message("n")));
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_how_many_it_lost() {
        let channels = Channels::default();
        let mut slow = channels.subscribe("c");
        for number in 0..BACKLOG + 3 {
            channels.publish("c", Bytes::from(number.to_string()));
        }
        assert_eq!(slow.next().await, Some(Event::Lagged(3)));
        assert_eq!(slow.next().await, Some(message("3")));
    }

    #[tokio::test]
    async fn a_channel_goes_with_its_last_subscriber() {
        let channels = Channels::default();
        let (one, mut two) = (channels.subscribe("c"), channels.subscribe("c"));
        drop(one);
        assert_eq!(channels.lock().len(), 1);
        assert!(futures::poll!(std::pin::pin!(two.next())).is_pending());
        drop(two);
        assert!(channels.lock().is_empty());
    }
}
