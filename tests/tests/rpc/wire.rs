//! TTHeader and Thrift's binary protocol, written out by hand: the test must not share a fault with
//! the program's own library.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::idl::{Idl, Method, Type};

const BOOL: u8 = 2;
const DOUBLE: u8 = 4;
const I32: u8 = 8;
const I64: u8 = 10;
const BYTES: u8 = 11;
pub(crate) const STRUCT: u8 = 12;
pub(crate) const LIST: u8 = 15;
const STOP: u8 = 0;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says to a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The method's own answer.
    Reply,
    /// Its type and its text.
    Exception(i32, String),
}

/// A call of `method` whose required fields are all zero or empty, as a bare message.
pub(crate) fn call_with_zeros(idl: &Idl, method: &Method) -> Vec<u8> {
    let mut arguments = field(STRUCT, 1);
    put_struct(idl, &method.argument, &mut arguments);
    arguments.push(STOP);
    call(&method.name, &arguments)
}

/// A call of `method` with these arguments, as a bare message.
pub(crate) fn call(method: &str, arguments: &[u8]) -> Vec<u8> {
    let mut message = 0x8001_0001_u32.to_be_bytes().to_vec();
    message.extend(length(method.as_bytes()));
    message.extend(method.as_bytes());
    message.extend(1_u32.to_be_bytes());
    message.extend(arguments);
    message
}

/// The head of a field.
pub(crate) fn field(kind: u8, id: i16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![kind, high, low]
}

/// The bytes with their length before them.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&length(message)[..], message].concat()
}

/// A bare message behind a TTHeader that carries `texts`.
pub(crate) fn with_header(texts: &[(&str, &str)], message: &[u8]) -> Vec<u8> {
    let mut blocks = vec![0, 0, 1];
    blocks.extend(short(texts.len()));
    for text in texts.iter().flat_map(|(key, value)| [key, value]) {
        blocks.extend(short(text.len()));
        blocks.extend(text.as_bytes());
    }
    blocks.resize(blocks.len().next_multiple_of(4), 0);
    let mut content = vec![0x10, 0, 0, 0, 0, 0, 0, 1];
    content.extend(short(blocks.len() / 4));
    content.extend(blocks);
    content.extend(message);
    framed(&content)
}

/// The metadata of a call as the services' own clients send it; an empty token is not sent.
pub(crate) fn with_tokens(service: &str, user: &str, message: &[u8]) -> Vec<u8> {
    let both = [("RPC_TRANSIT_FANONE_SERVICE", service), ("RPC_TRANSIT_FANONE_USER", user)];
    let sent: Vec<_> = both.into_iter().filter(|(_, token)| !token.is_empty()).collect();
    with_header(&sent, message)
}

/// Sends a message that begins with a TTHeader, and reads the answer.
pub(crate) async fn ask(address: &str, message: &[u8]) -> io::Result<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(message).await?;
        let count = stream.read_u32().await?;
        let mut content = vec![0; usize::try_from(count).unwrap()];
        stream.read_exact(&mut content).await?;
        Ok(read(&content))
    };
    timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn put_struct(idl: &Idl, name: &str, out: &mut Vec<u8>) {
    let fields = idl.required.get(name).unwrap_or_else(|| panic!("idl/ has no struct {name}"));
    for (id, of) in fields {
        out.extend(field(kind(idl, of), *id));
        match of {
            Type::Bool => out.push(0),
            Type::I32 => out.extend([0; 4]),
            Type::I64 | Type::Double => out.extend([0; 8]),
            Type::Bytes => out.extend(length(&[])),
            Type::List(element) => {
                out.push(kind(idl, element));
                out.extend(length(&[]));
            }
            Type::Named(name) if idl.enums.contains(name) => out.extend([0; 4]),
            Type::Named(name) => put_struct(idl, name, out),
        }
    }
    out.push(STOP);
}

fn kind(idl: &Idl, of: &Type) -> u8 {
    match of {
        Type::Bool => BOOL,
        Type::I32 => I32,
        Type::I64 => I64,
        Type::Double => DOUBLE,
        Type::Bytes => BYTES,
        Type::List(_) => LIST,
        Type::Named(name) if idl.enums.contains(name) => I32,
        Type::Named(_) => STRUCT,
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_be_bytes()
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

/// What stands behind the length of an answer: the rest of a TTHeader, then a message, framed or bare.
fn read(content: &[u8]) -> Answer {
    let header_words = u16::from_be_bytes(content[8..10].try_into().unwrap());
    let mut message = &content[10 + usize::from(header_words) * 4..];
    if message[0] == 0 {
        message = &message[4..];
    }
    let (kind, rest) = (message[3], &message[4..]);
    let rest = &rest[4 + usize_of(rest) + 4..];
    match kind {
        2 => Answer::Reply,
        3 => exception(rest),
        other => panic!("a message of type {other} is no answer"),
    }
}

/// Field 1 is the text, field 2 the type, in any order.
fn exception(mut fields: &[u8]) -> Answer {
    let (mut kind, mut text) = (0, String::new());
    while fields[0] != STOP {
        let (of, value) = (fields[0], &fields[3..]);
        let count = match of {
            BYTES => {
                let count = usize_of(value);
                text = String::from_utf8_lossy(&value[4..4 + count]).into_owned();
                4 + count
            }
            I32 => {
                kind = i32::from_be_bytes(value[..4].try_into().unwrap());
                4
            }
            other => panic!("a field of type {other} in an exception"),
        };
        fields = &value[count..];
    }
    Answer::Exception(kind, text)
}

fn usize_of(bytes: &[u8]) -> usize {
    usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap()
}
