//! Events from publishers to subscribers in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::subscription::{Event, Subscription};

/// Messages that a slow subscriber may be behind before it loses the oldest.
const BACKLOG: usize = 256;

type Senders = HashMap<String, Sender<Event>>;

/// The channels that have subscribers. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Channels {
    senders: Arc<Mutex<Senders>>,
    /// Who wants to know that a channel has no subscriber any more.
    deserted: Option<UnboundedSender<String>>,
}

impl Channels {
    fn lock(&self) -> MutexGuard<'_, Senders> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells which channels have lost their last subscriber; one may have come since.
    pub(crate) fn watched() -> (Self, UnboundedReceiver<String>) {
        let (sender, receiver) = unbounded_channel();
        (Self { senders: Arc::default(), deserted: Some(sender) }, receiver)
    }

    pub(crate) fn contains(&self, channel: &str) -> bool {
        self.lock().contains_key(channel)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    pub(crate) fn publish(&self, channel: &str, message: Bytes) {
        self.send(channel, Event::Message(message));
    }

    /// Tells the subscribers of a channel that they may have missed something.
    pub(crate) fn publish_gap(&self, channel: &str) {
        self.send(channel, Event::Lagged(1));
    }

    fn send(&self, channel: &str, event: Event) {
        if let Some(sender) = self.lock().get(channel) {
            // Fails only when nobody listens, and then nobody misses it.
            let _ = sender.send(event);
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
    receiver: Option<Receiver<Event>>,
    channel: String,
    channels: Channels,
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        match self.receiver.as_mut()?.recv().await {
            Ok(event) => Some(event),
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
            if let Some(deserted) = &self.channels.deserted {
                let _nobody_wants_to_know = deserted.send(std::mem::take(&mut self.channel));
            }
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
