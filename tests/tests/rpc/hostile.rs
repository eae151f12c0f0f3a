//! Bytes that no client of ours would send. Whether an exception or the end of the connection is the
//! answer does not matter; the process must live, serve, and stay small.

use std::time::Duration;

use fanone_tests::{Site, raw};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    address,
    idl::{Idl, Method},
    tokens::Tokens,
    wire::{self, Answer, LIST, STRUCT, call, field, framed, with_header},
};

const MIB: usize = 1024 * 1024;
const RAISE_MAX_KIB: u64 = 64 * 1024;
/// Connections of each service that begin a message and say no more.
const SILENT: usize = 64;
/// A site that still waits for a message's end need not be waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site, and a right call for each of its services.
struct Probe {
    site: Site,
    right: Vec<(String, Method, Vec<u8>)>,
    before_kib: u64,
}

impl Probe {
    async fn start() -> Self {
        let site = Site::start().await;
        let (idl, tokens) = (Idl::read(), Tokens::of(&site));
        let mut right: Vec<(String, Method, Vec<u8>)> = Vec::new();
        for method in idl.served().filter(|method| !method.acts_for_user) {
            if right.iter().any(|(_, known, _)| known.service == method.service) {
                continue;
            }
            let message = wire::call_with_zeros(&idl, method);
            let message = wire::with_tokens(&tokens.service(method), "", &message);
            right.push((address(&site, &method.service), method.clone(), message));
        }
        assert_eq!(right.len(), site.rpc_addresses().len());
        let mut probe = Self { site, right, before_kib: 0 };
        probe.assert_serves("the start").await;
        probe.before_kib = probe.site.peak_memory_kib();
        probe
    }

    /// Every process is the one that was started, says that it is well, and answers a right call.
    async fn assert_serves(&self, after: &str) {
        assert!(self.site.is_alive(), "{after} ended the site\n{}", self.site.log());
        for url in self.site.admin_urls("/healthz") {
            let answer = reqwest::get(&url).await;
            assert!(answer.is_ok_and(|answer| answer.status() == 200), "after {after}: {url}");
        }
        for (address, method, message) in &self.right {
            let seen = wire::ask(address, message).await;
            assert!(matches!(seen, Ok(Answer::Reply)), "after {after}: {} {seen:?}", method.name);
        }
    }

    fn assert_small(&self) {
        let raised_kib = self.site.peak_memory_raised_kib(self.before_kib);
        println!("the peak memory rose by {raised_kib} KiB from {} KiB", self.before_kib);
        assert!(raised_kib <= RAISE_MAX_KIB, "{raised_kib} KiB");
    }
}

/// Behind a field 1 that is a struct: its field `id` is a list that claims `count` elements.
fn list(id: i16, element: u8, count: u32, elements: &[u8]) -> Vec<u8> {
    let head = [field(STRUCT, 1), field(LIST, id), vec![element]].concat();
    [&head[..], &count.to_be_bytes(), elements].concat()
}

/// A TTHeader of any length and size.
fn header(length: u32, words: u16, rest: &[u8]) -> Vec<u8> {
    let fixed = [0x10, 0, 0, 0, 0, 0, 0, 1];
    [&length.to_be_bytes()[..], &fixed, &words.to_be_bytes(), rest].concat()
}

/// A message whose method's name claims another length than it has.
fn named(length: i32) -> Vec<u8> {
    let (version, length) = (0x8001_0001_u32.to_be_bytes(), length.to_be_bytes());
    [&version[..], &length, b"GetUsers", &[0; 8]].concat()
}

/// Thrift messages to be sent bare, framed and behind a TTHeader.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let endless = |element| list(1, element, i32::MAX.cast_unsigned(), &[]);
    let long_text = |length: u32| [field(STRUCT, 1), field(11, 1), length.to_be_bytes().to_vec()].concat();
    let nested = |kind: &[u8]| call("GetUsers", &kind.repeat(100_000));
    let empty_lists = [LIST, 0, 0, 0, 0].repeat(200_000);
    vec![
        ("no arguments", call("GetUsers", &[])),
        ("a list of 2^31 structs", call("ApplyEvents", &endless(STRUCT))),
        ("a list of 2^31 numbers", call("GetUsers", &endless(10))),
        ("a list of 2^31 bools in an unknown field", call("GetVideos", &list(99, 2, 1 << 31, &[]))),
        ("a list of 4 GiB", call("GetVideos", &list(1, 10, u32::MAX, &[]))),
        ("a map of 2^31", call("Feed", &[&field(13, 9)[..], &[10, 10], &i32::MAX.to_be_bytes()].concat())),
        ("a text of 4 GiB", call("FindUser", &long_text(u32::MAX))),
        ("a text of 2 GiB", call("FindUser", &long_text(i32::MAX.cast_unsigned()))),
        (
            "a text longer than its message",
            call("FindUser", &[&long_text(100)[..], b"short", &[0, 0]].concat()),
        ),
        ("a text that is not UTF-8", call("FindUser", &[&long_text(2)[..], &[0xff, 0xfe, 0, 0]].concat())),
        ("a method's name of 2 GiB", named(i32::MAX)),
        ("a method's name of -1 bytes", named(-1)),
        ("structs in structs", nested(&field(STRUCT, 1))),
        (
            "lists in lists",
            call("GetUsers", &[&field(LIST, 7)[..], &[LIST, 0, 0, 0, 1].repeat(100_000)].concat()),
        ),
        (
            "many empty lists in a list",
            call(
                "GetUsers",
                &[&field(LIST, 7)[..], &[LIST], &200_000_u32.to_be_bytes(), &empty_lists].concat(),
            ),
        ),
        ("a field of an unknown type", call("GetUsers", &[99, 0, 1, 0])),
        ("an answer", [&0x8001_0002_u32.to_be_bytes()[..], &call("GetUsers", &[0])[4..]].concat()),
    ]
}

/// Bytes to be sent as they are.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let good = call("GetUsers", &[0]);
    vec![
        ("nothing", Vec::new()),
        ("one byte", vec![0]),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: site\r\n\r\n".to_vec()),
        ("an empty frame", framed(&[])),
        ("a frame of 4 GiB", [&u32::MAX.to_be_bytes()[..], &good].concat()),
        ("a frame of 2 GiB", [&i32::MAX.to_be_bytes()[..], &good].concat()),
        ("a frame of 17 MiB, sent whole", framed(&call("GetUsers", &vec![0; 17 * MIB]))),
        ("17 MiB behind a TTHeader, sent whole", with_header(&[], &call("GetUsers", &vec![0; 17 * MIB]))),
        ("a TTHeader of 4 GiB", header(u32::MAX, 4, &[0; 64])),
        ("a TTHeader of 2 GiB", header(i32::MAX.cast_unsigned(), 4, &[0; 64])),
        ("a TTHeader longer than its message", header(20, 0xffff, &[0; 64])),
        ("an empty TTHeader", header(10, 0, &[])),
        ("a TTHeader with 65535 texts", header(64, 4, &[0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])),
        (
            "a TTHeader whose text is not UTF-8",
            header(40, 4, &[0, 0, 1, 0, 1, 0, 2, 0xff, 0xfe, 0, 2, 0xff, 0xfe]),
        ),
        ("a TTHeader with many transforms", header(64, 4, &[0, 0xff, 0, 0])),
        ("a TTHeader of an unknown protocol", header(64, 4, &[9, 0, 0, 0])),
    ]
}

/// Sends `bytes` and waits until the site has answered or closed.
async fn provoke(address: &str, bytes: &[u8]) {
    let read = timeout(PATIENCE, raw::exchange(address, bytes)).await;
    assert!(read.is_ok(), "{address}: the site neither answers nor closes");
}

#[tokio::test]
async fn malformed_and_oversized_messages_cost_their_connection_only() {
    let probe = Probe::start().await;
    let mut all = frames();
    for (what, message) in messages() {
        all.push((what, with_header(&[], &message)));
        all.push((what, framed(&message)));
        all.push((what, message));
    }
    for (what, bytes) in all {
        for (address, ..) in &probe.right {
            provoke(address, &bytes).await;
        }
        probe.assert_serves(what).await;
    }
    probe.assert_small();
}

#[tokio::test]
async fn a_message_that_breaks_off_anywhere_costs_its_connection_only() {
    let probe = Probe::start().await;
    for (address, _, message) in &probe.right {
        for end in (0..message.len()).step_by(7) {
            provoke(address, &message[..end]).await;
        }
    }
    probe.assert_serves("messages that break off").await;
    probe.assert_small();
}

#[tokio::test]
async fn many_connections_that_announce_much_and_fall_silent_hold_no_memory() {
    let probe = Probe::start().await;
    let large = (16 * MIB - 4) as u32;
    let mut silent = Vec::new();
    for (address, _, message) in &probe.right {
        let half = message[..message.len() / 2].to_vec();
        let announced = header(large, 4, &[0; 64]);
        let announced_frame = [&large.to_be_bytes()[..], &call("GetUsers", &[0])].concat();
        for bytes in [half, announced, announced_frame].iter().cycle().take(SILENT) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            silent.push(stream);
        }
    }
    probe.assert_serves("connections that fell silent").await;
    probe.assert_small();
    // Nobody waits for the rest for ever.
    for mut stream in silent {
        let ended = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "half a message is waited for longer than {PATIENCE:?}");
    }
}
