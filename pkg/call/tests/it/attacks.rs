//! Peers that send what no client of ours sends. Whatever they do costs them their connection,
//! and nobody else anything.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use volo_gen::fanone::user::*;

use crate::kit::Site;

/// What a refused peer gets.
const NOTHING: [u8; 0] = [];

/// A call in Binary.
fn binary(method: &str, arguments: &[u8]) -> Vec<u8> {
    let mut message = vec![0x80, 1, 0, 1];
    message.extend(u32::try_from(method.len()).unwrap().to_be_bytes());
    message.extend(method.as_bytes());
    message.extend([0, 0, 0, 7]);
    message.extend(arguments);
    message
}

/// A call in Compact.
fn compact(method: &str, arguments: &[u8]) -> Vec<u8> {
    let mut message = vec![0x82, 0x21, 7, u8::try_from(method.len()).unwrap()];
    message.extend(method.as_bytes());
    message.extend(arguments);
    message
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(message);
    frame
}

fn ttheader(payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0x10, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 0, 0, 0];
    message.extend(payload);
    framed(&message)
}

/// Sends `bytes` and nothing more; what comes back until the server closes.
async fn exchange(site: &Site, bytes: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(site.address).await.unwrap();
    // The server may close before everything is sent.
    let _ = connection.write_all(bytes).await;
    let _ = connection.shutdown().await;
    let mut answer = Vec::new();
    let reading = connection.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("the server closes");
    answer
}

async fn assert_alive(site: &Site) {
    let answer = site.front().get_users(GetUsersReq { ids: vec![1, 2] }).await.unwrap();
    assert_eq!(answer.base.msg, "[1, 2]");
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// `GetUsers` with this list, in Binary: its head and its elements.
fn get_users(list: &[u8]) -> Vec<u8> {
    binary("GetUsers", &join(&[&[12, 0, 1, 15, 0, 1], list, &[0, 0]]))
}

/// `Register` with this user name, length and all.
fn register(name: &[u8]) -> Vec<u8> {
    binary("Register", &join(&[&[12, 0, 1, 11, 0, 1], name, &[11, 0, 2, 0, 0, 0, 1, b'p', 0, 0]]))
}

/// `ApplyEvents` with this list.
fn apply_events(list: &[u8]) -> Vec<u8> {
    let start = [12, 0, 1, 11, 0, 1, 0, 0, 0, 1, b's', 10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 15, 0, 3];
    binary("ApplyEvents", &join(&[&start, list, &[0, 0]]))
}

#[tokio::test]
async fn every_transport_and_protocol_is_understood() {
    let site = Site::start().await;
    let two = [10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
    let in_binary = get_users(&two);
    let in_compact = compact("GetUsers", &[0x1c, 0x19, 0x26, 2, 4, 0, 0]);
    for message in [&in_binary, &in_compact] {
        for bytes in [message.clone(), framed(message), ttheader(message), ttheader(&framed(message))] {
            let answer = exchange(&site, &bytes).await;
            // Nobody has proven who calls; that it says so shows that the message was understood.
            let text = String::from_utf8_lossy(&answer);
            assert!(text.contains("11008 forbidden"), "{text:?} to {bytes:?}");
        }
    }
    assert_alive(&site).await;
}

#[tokio::test]
async fn a_message_that_arrives_byte_by_byte_is_understood() {
    let site = Site::start().await;
    let message = get_users(&[10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    for bytes in [message.clone(), ttheader(&message)] {
        let mut connection = TcpStream::connect(site.address).await.unwrap();
        connection.set_nodelay(true).unwrap();
        for byte in &bytes {
            connection.write_all(&[*byte]).await.unwrap();
            connection.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = [0; 64];
        assert!(connection.read(&mut answer).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn lying_messages_are_refused_without_an_answer() {
    let site = Site::start().await;
    let mut nested = vec![12, 0, 1, 15, 0, 9];
    nested.extend([15, 0, 0, 0, 1].repeat(500));
    let many = join(&[&[12, 0, 1, 0x86, 0xa0], &[0; 100_000]]);
    let long_name = join(&[&[0x7f, 0xff, 0xff, 0xff], b"name"]);
    let messages = [
        ("a list of 2^31 numbers", get_users(&[10, 0x7f, 0xff, 0xff, 0xff])),
        ("a list of -1 numbers", get_users(&[10, 0xff, 0xff, 0xff, 0xff])),
        ("a list of something else", get_users(&[2, 0, 0, 0, 2, 1, 1])),
        ("elements of no type", get_users(&[99, 0, 0, 0, 2, 1, 1])),
        ("a list of 2^31 structs", apply_events(&[12, 0x7f, 0xff, 0xff, 0xff])),
        ("structs that are numbers", apply_events(&[8, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1])),
        ("more small structs than is sane", apply_events(&many)),
        ("a text longer than the message", register(&long_name)),
        ("a text of length -1", register(&[0xff, 0xff, 0xff, 0xff])),
        ("a text that is none", register(&[0, 0, 0, 3, 0xff, 0xfe, 0xfd])),
        ("a required field missing", binary("Register", &[12, 0, 1, 0, 0])),
        ("a field of the wrong type", binary("Register", &[12, 0, 1, 2, 0, 1, 1, 0, 0])),
        ("lists in lists in lists", binary("GetUsers", &nested)),
        (
            "a method's name that is no text",
            binary("GetUsers", &[]).replacen(b"GetUsers", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ),
        ("an answer", get_users(&[10, 0, 0, 0, 0]).replacen(&[0x80, 1, 0, 1], &[0x80, 1, 0, 2])),
        ("an exception", get_users(&[10, 0, 0, 0, 0]).replacen(&[0x80, 1, 0, 1], &[0x80, 1, 0, 3])),
        (
            "a varint without end",
            compact("GetUsers", &[0x1c, 0x19, 0xf6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        ("a huge compact list", compact("GetUsers", &[0x1c, 0x19, 0xf6, 0xff, 0xff, 0xff, 0xff, 0x07])),
        ("field numbers beyond the last", compact("GetUsers", &[0x0c, 0xfe, 0xff, 0x03, 0xfc, 0, 0])),
        ("an unknown compact field", compact("GetUsers", &[0x1c, 0x19, 0x06, 0x81, 0, 0])),
    ];
    for (what, message) in messages {
        for bytes in [message.clone(), framed(&message), ttheader(&message), ttheader(&framed(&message))] {
            assert_eq!(exchange(&site, &bytes).await, NOTHING, "{what}");
        }
    }
    assert_alive(&site).await;
}

trait Replace {
    fn replacen(self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    /// The first `from` replaced by `to`.
    fn replacen(self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.windows(from.len()).position(|window| window == from).unwrap();
        join(&[&self[..at], to, &self[at + from.len()..]])
    }
}

#[tokio::test]
async fn lying_frames_are_refused_without_an_answer() {
    let site = Site::start().await;
    let good = get_users(&[10, 0, 0, 0, 0]);
    let mut wrong_inner = framed(&good);
    wrong_inner[3] += 1;
    let frames = [
        ("4 GiB by TTHeader", vec![0xff, 0xff, 0xff, 0xff, 0x10, 0, 0, 0]),
        ("2 GiB by frame", vec![0x7f, 0xff, 0xff, 0xff, 0x80, 1, 0, 1]),
        ("17 MiB by frame", vec![0x01, 0x10, 0, 0, 0x80, 1, 0, 1]),
        ("an empty TTHeader", vec![0, 0, 0, 2, 0x10, 0]),
        (
            "a TTHeader longer than the message",
            vec![0, 0, 0, 12, 0x10, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0],
        ),
        ("a TTHeader without payload", ttheader(&[])),
        ("a frame of another length inside", ttheader(&wrong_inner)),
        ("an old message without version", framed(&[0, 0, 0, 1, b'x', 1, 0, 0, 0, 1, 0])),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("nothing but zeros", vec![0; 64]),
        ("one byte", vec![0x80]),
        ("nothing", Vec::new()),
    ];
    for (what, bytes) in frames {
        assert_eq!(exchange(&site, &bytes).await, NOTHING, "{what}");
    }
    for cut in 0..ttheader(&good).len() {
        assert_eq!(exchange(&site, &ttheader(&good)[..cut]).await, NOTHING, "cut at {cut}");
    }
    assert_alive(&site).await;
}

#[tokio::test]
async fn a_bare_message_without_end_is_given_up() {
    let site = Site::start().await;
    let start = binary("Register", &[12, 0, 1, 11, 0, 1, 0, 1, 0, 0]);
    let endless = join(&[&start, &[b'x'; 70_000]]);
    assert_eq!(exchange(&site, &endless).await, NOTHING);
    assert_alive(&site).await;
}

#[tokio::test]
async fn silent_peers_keep_nobody_waiting() {
    let site = Site::start().await;
    let good = ttheader(&get_users(&[10, 0, 0, 0, 0]));
    let mut silent = Vec::new();
    for cut in 0..good.len() {
        let mut connection = TcpStream::connect(site.address).await.unwrap();
        connection.write_all(&good[..cut]).await.unwrap();
        silent.push(connection);
    }
    assert_alive(&site).await;
}
