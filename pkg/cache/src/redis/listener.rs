//! The connection that listens: kept up while there are subscribers, and checked, since a silent one may be a dead one.

use std::collections::HashSet;
use std::time::Duration;

use deadpool_redis::redis::aio::{PubSub, PubSubSink, PubSubStream};
use deadpool_redis::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use deadpool_redis::redis::{Client, ErrorKind, RedisError, RedisResult};
use futures::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::hub::{Heard, read};
use super::source::timed_out;
use super::target::Target;
use crate::channels::Channels;
use crate::jitter::jittered;
use crate::options::Options;

/// How often the connection is checked.
const CHECK: Duration = Duration::from_secs(3);
/// The time between two attempts to connect: from the first to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Channels of one command.
const CHANNELS_AT_ONCE: usize = 500;

/// Somebody subscribes to a channel, and waits for the confirmation.
pub(super) struct Order {
    pub(super) channel: String,
    pub(super) confirm: oneshot::Sender<()>,
}

pub(super) struct Listener {
    pub(super) target: Target,
    pub(super) options: Options,
    pub(super) channels: Channels,
    pub(super) origin: [u8; 8],
    pub(super) orders: UnboundedReceiver<Order>,
    pub(super) deserted: UnboundedReceiver<String>,
}

/// A connection and what it is subscribed to.
struct Line {
    sink: PubSubSink,
    stream: PubSubStream,
    subscribed: HashSet<String>,
}

impl Listener {
    /// Runs until the hub is gone.
    pub(super) async fn run(mut self) {
        let mut waiting = Vec::new();
        // Channels whose subscribers may have missed something.
        let mut missed = HashSet::new();
        let mut pause = PAUSE.0;
        loop {
            if self.channels.names().is_empty() {
                missed.clear();
                match self.orders.recv().await {
                    Some(order) => waiting.push(order),
                    None => return,
                }
            }
            let error = match self.connect().await {
                Ok(mut line) => {
                    pause = PAUSE.0;
                    let error = self.serve(&mut line, &mut waiting, &mut missed).await;
                    missed.extend(line.subscribed);
                    error
                }
                Err(error) => Some(error),
            };
            let Some(error) = error else { return };
            tracing::debug!(%error, "messages of other processes are not heard");
            if !self.rest(jittered(pause), &mut waiting, &mut missed).await {
                return;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Waits before the next attempt. Who waits for a confirmation, or asks meanwhile, gets none: they are told later that
    /// they may have missed something.
    async fn rest(
        &mut self,
        pause: Duration,
        waiting: &mut Vec<Order>,
        missed: &mut HashSet<String>,
    ) -> bool {
        missed.extend(waiting.drain(..).map(|order| order.channel));
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return true,
                order = self.orders.recv() => match order {
                    Some(order) => { missed.insert(order.channel); }
                    None => return false,
                },
                _ = self.deserted.recv() => {}
            }
        }
    }

    async fn connect(&self) -> RedisResult<Line> {
        let limit = self.options.connect_timeout.saturating_mul(2);
        let connected = timeout(limit, connect(&self.target)).await;
        let (sink, stream) = connected.unwrap_or_else(|_elapsed| Err(timed_out()))?.split();
        Ok(Line { sink, stream, subscribed: HashSet::new() })
    }

    /// Listens until the connection ends (an error) or the hub does (none).
    async fn serve(
        &mut self,
        line: &mut Line,
        waiting: &mut Vec<Order>,
        missed: &mut HashSet<String>,
    ) -> Option<RedisError> {
        if let Err(error) = self.subscribe(line, self.channels.names()).await {
            return Some(error);
        }
        for order in waiting.drain(..) {
            confirm(order, &mut *missed);
        }
        for channel in missed.drain() {
            self.channels.publish_gap(&channel);
        }
        let mut check = interval(CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                message = line.stream.next() => match message {
                    Some(message) => {
                        self.hear(message.get_channel_name(), message.get_payload_bytes());
                        Ok(())
                    }
                    None => Err(RedisError::from((ErrorKind::Io, "the server has closed the connection"))),
                },
                order = self.orders.recv() => {
                    let order = order?;
                    let mut late = HashSet::new();
                    let done = self.subscribe(line, vec![order.channel.clone()]).await;
                    match &done {
                        Ok(()) => confirm(order, &mut late),
                        Err(_) => { missed.insert(order.channel); }
                    }
                    late.iter().for_each(|channel| self.channels.publish_gap(channel));
                    done
                }
                Some(channel) = self.deserted.recv() => self.unsubscribe(line, channel).await,
                _ = check.tick() => self.within(line.sink.ping::<()>()).await,
            };
            if let Err(error) = done {
                return Some(error);
            }
        }
    }

    fn hear(&self, channel: &str, message: &[u8]) {
        match read(message, self.origin) {
            Heard::Message(message) => self.channels.publish(channel, message),
            Heard::Gap => self.channels.publish_gap(channel),
            Heard::Nothing => {}
        }
    }

    async fn subscribe(&self, line: &mut Line, mut channels: Vec<String>) -> RedisResult<()> {
        channels.retain(|channel| !line.subscribed.contains(channel));
        for channels in channels.chunks(CHANNELS_AT_ONCE) {
            self.within(line.sink.subscribe(channels)).await?;
            line.subscribed.extend(channels.iter().cloned());
        }
        Ok(())
    }

    async fn unsubscribe(&self, line: &mut Line, channel: String) -> RedisResult<()> {
        // Somebody may have come since; then it is to stay.
        if self.channels.contains(&channel) || !line.subscribed.remove(&channel) {
            return Ok(());
        }
        self.within(line.sink.unsubscribe(channel)).await
    }

    async fn within<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let done = timeout(self.options.connect_timeout, work).await;
        done.unwrap_or_else(|_elapsed| Err(timed_out()))
    }
}

/// Confirms, or finds that nobody waits for it any more.
fn confirm(order: Order, late: &mut HashSet<String>) {
    if order.confirm.send(()).is_err() {
        late.insert(order.channel);
    }
}

async fn connect(target: &Target) -> RedisResult<PubSub> {
    match target {
        Target::Node(node) => Client::open(node.clone())?.get_async_pubsub().await,
        Target::Sentinel { sentinels, master, login } => {
            let node = SentinelNodeConnectionInfo::default().set_redis_connection_info(login.settings());
            let kind = SentinelServerType::Master;
            let mut sentinel = SentinelClient::build(sentinels.clone(), master.clone(), Some(node), kind)?;
            sentinel.async_get_client().await?.get_async_pubsub().await
        }
        // Any node will do: a message goes to all of them.
        Target::Cluster(nodes) => {
            let mut error = RedisError::from((ErrorKind::Io, "the cluster has no nodes"));
            let first = rand::random_range(0..nodes.len().max(1));
            for node in nodes.iter().cycle().skip(first).take(nodes.len()) {
                match Client::open(node.clone())?.get_async_pubsub().await {
                    Ok(listener) => return Ok(listener),
                    Err(found) => error = found,
                }
            }
            Err(error)
        }
    }
}
