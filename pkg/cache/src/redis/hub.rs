//! Messages between processes. One connection listens to all channels that have subscribers here, and hands what it hears
//! to them.
//!
//! A message goes to the subscribers of its own process directly, whether Redis is there or not, and through Redis to those
//! of the others. So it names its origin, and what comes back from Redis to where it came from is passed over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::listener::{Listener, Order};
use super::target::Target;
use crate::channels::Channels;
use crate::options::Options;
use crate::subscription::Subscription;

/// Bytes of the origin before each message.
const ORIGIN: usize = 8;
/// The message of a process that could not publish for a while: no origin has this number.
pub(super) const MISSED: [u8; ORIGIN] = [0; ORIGIN];

pub(super) struct Hub {
    channels: Channels,
    origin: [u8; ORIGIN],
    orders: UnboundedSender<Order>,
    /// Until the first subscriber comes.
    listener: Mutex<Option<Listener>>,
}

/// What a message from Redis is to the subscribers of this process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Bytes),
    /// Another process has published something that did not come.
    Gap,
    /// They have it already, or it is none of ours.
    Nothing,
}

impl Hub {
    pub(super) fn new(target: Target, options: Options) -> Self {
        let (channels, deserted) = Channels::watched();
        let (orders, given) = unbounded_channel();
        let origin = rand::random_range(1..=u64::MAX).to_be_bytes();
        let listener =
            Listener { target, options, channels: channels.clone(), origin, orders: given, deserted };
        Self { channels, origin, orders, listener: Mutex::new(Some(listener)) }
    }

    /// Gives a message to the subscribers of this process, and how it is written for the others.
    pub(super) fn publish(&self, channel: &str, message: Bytes) -> Bytes {
        let mut framed = BytesMut::with_capacity(ORIGIN + message.len());
        framed.put_slice(&self.origin);
        framed.put_slice(&message);
        self.channels.publish(channel, message);
        framed.freeze()
    }

    /// Subscribes here, and in Redis where that is possible in time. Where it is not, the subscriber is told once Redis is
    /// there that it may have missed something.
    pub(super) async fn subscribe(&self, channel: &str, limit: Duration) -> Subscription {
        self.start();
        let subscription = self.channels.subscribe(channel);
        let (confirm, confirmed) = oneshot::channel();
        if self.orders.send(Order { channel: channel.to_owned(), confirm }).is_ok()
            && !matches!(timeout(limit, confirmed).await, Ok(Ok(())))
        {
            tracing::debug!("a channel is heard in this process only until Redis is there");
        }
        subscription
    }

    fn start(&self) {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            tokio::spawn(listener.run());
        }
    }
}

/// Reads a message of Redis.
pub(super) fn read(message: &[u8], own: [u8; ORIGIN]) -> Heard {
    match message.split_first_chunk::<ORIGIN>() {
        Some((&MISSED, [])) => Heard::Gap,
        Some((origin, text)) if *origin != own => Heard::Message(Bytes::copy_from_slice(text)),
        _ => Heard::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_from_here_is_not_heard_again() {
        let own = [1; ORIGIN];
        assert_eq!(read(&[2, 2, 2, 2, 2, 2, 2, 2, b'm'], own), Heard::Message(Bytes::from_static(b"m")));
        assert_eq!(read(&[1, 1, 1, 1, 1, 1, 1, 1, b'm'], own), Heard::Nothing);
        assert_eq!(read(&MISSED, own), Heard::Gap);
        assert_eq!(read(b"short", own), Heard::Nothing);
    }
}
