//! The commands of each operation.

use std::time::Duration;

use bytes::Bytes;
use deadpool_redis::redis::{Cmd, Pipeline, cmd};

use super::link::Request;
use crate::Ranked;
use crate::limits::{SET_MEMBERS_MAX, TOP_MAX};

/// Keys that are written to see whether the server takes what is written, and for how long.
const PROBES: u32 = 32;
const PROBE_TTL: Duration = Duration::from_secs(1);

/// A time to live as Redis takes it: in milliseconds, and not nothing.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 50)
}

fn command(name: &str, key: &str) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    command
}

pub(super) fn get(key: &str) -> Request<'static> {
    Request::One(command("GET", key))
}

fn set_command(key: &str, value: &Bytes, ttl: Duration) -> Cmd {
    let mut set = command("SET", key);
    set.arg(value.as_ref()).arg("PX").arg(millis(ttl));
    set
}

pub(super) fn set(key: &str, value: &Bytes, ttl: Duration) -> Request<'static> {
    Request::One(set_command(key, value, ttl))
}

fn add_command(key: &str, value: &Bytes, ttl: Duration) -> Cmd {
    let mut set = set_command(key, value, ttl);
    set.arg("NX");
    set
}

pub(super) fn add(key: &str, value: &Bytes, ttl: Duration) -> Request<'static> {
    Request::One(add_command(key, value, ttl))
}

/// Keys with values and times to live.
pub(super) fn add_each<'a>(
    items: impl IntoIterator<Item = (&'a str, &'a Bytes, Duration)>,
) -> Request<'static> {
    Request::Each(items.into_iter().map(|(key, value, ttl)| add_command(key, value, ttl)).collect())
}

pub(super) fn remove<'a>(keys: &'a [&'a str]) -> Request<'a> {
    Request::Keys { all: "UNLINK", single: "UNLINK", keys }
}

/// `NX`: only the first call of a window sets its end. And a counter that has none, for whatever reason, gets one here,
/// which it would not with `SET … NX` first: it may expire between the two.
pub(super) fn incr(key: &str, by: i64, ttl: Duration) -> Request<'static> {
    let mut together = Pipeline::with_capacity(2);
    together.cmd("INCRBY").arg(key).arg(by);
    together.cmd("PEXPIRE").arg(key).arg(millis(ttl)).arg("NX").ignore();
    Request::Together(together)
}

/// How a member is written: Redis orders equal scores by the text, and this text is ordered as the numbers are.
fn member(id: i64) -> String {
    format!("{id:019}")
}

pub(super) fn zset_add(key: &str, items: &[Ranked], ttl: Duration, is_raise: bool) -> Request<'static> {
    let mut together = Pipeline::with_capacity(3);
    let add = together.cmd("ZADD").arg(key);
    if is_raise {
        add.arg("GT");
    }
    for &(id, score) in items {
        add.arg(score).arg(member(id));
    }
    add.ignore();
    let most = i64::try_from(SET_MEMBERS_MAX).unwrap_or(i64::MAX);
    together.cmd("ZREMRANGEBYRANK").arg(key).arg(0).arg(-most - 1).ignore();
    together.cmd("PEXPIRE").arg(key).arg(millis(ttl)).ignore();
    Request::Together(together)
}

pub(super) fn zset_top(key: &str, offset: usize, limit: usize) -> Request<'static> {
    let last = offset.saturating_add(limit.min(TOP_MAX)).saturating_sub(1);
    let mut range = command("ZREVRANGE", key);
    range.arg(offset).arg(last.min(SET_MEMBERS_MAX)).arg("WITHSCORES");
    Request::One(range)
}

pub(super) fn zset_remove(key: &str, members: &[i64]) -> Request<'static> {
    let mut remove = command("ZREM", key);
    for id in members {
        remove.arg(member(*id));
    }
    Request::One(remove)
}

pub(super) fn shared_get<'a>(keys: &'a [&'a str]) -> Request<'a> {
    Request::Keys { all: "MGET", single: "GET", keys }
}

pub(super) fn shared_set(items: &[(&str, Bytes)], ttl: Duration) -> Request<'static> {
    Request::Each(items.iter().map(|(key, value)| set_command(key, value, ttl)).collect())
}

fn publish_command(channel: &str, message: &[u8]) -> Cmd {
    let mut publish = command("PUBLISH", channel);
    publish.arg(message);
    publish
}

pub(super) fn publish(channel: &str, message: &[u8]) -> Request<'static> {
    Request::One(publish_command(channel, message))
}

pub(super) fn publish_each(channels: &[&str], message: &[u8]) -> Request<'static> {
    Request::Each(channels.iter().map(|channel| publish_command(channel, message)).collect())
}

/// Writes that reach every primary of a cluster, or with many primaries most of them.
pub(super) fn probes() -> Request<'static> {
    let probe = |number| set_command(&format!("fanone:probe:{number}"), &Bytes::new(), PROBE_TTL);
    Request::Each((0..PROBES).map(probe).collect())
}

/// Whether the server knows what a counter needs.
pub(super) fn probe_counter() -> Request<'static> {
    incr("fanone:probe", 1, PROBE_TTL)
}

/// In a cluster every primary is emptied.
pub(super) fn empty() -> Request<'static> {
    let mut flush = cmd("FLUSHDB");
    flush.arg("ASYNC");
    Request::One(flush)
}
