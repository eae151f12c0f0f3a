//! Messages that are damaged at random: whatever passes the guard must not make the decoder panic.

use std::cell::RefCell;

use metainfo::{METAINFO, MetaInfo};
use pilota::thrift::{
    TMessageIdentifier, TMessageType, TOutputProtocol, binary::TBinaryProtocol,
    compact::TCompactOutputProtocol,
};
use volo_gen::fanone::{
    base::{ApplyEventsReq, Event, EventKind, Picture},
    user::{
        RegisterReq, UserServiceApplyEventsArgsSend, UserServiceRegisterArgsSend, UserServiceRequestRecv,
        UserServiceRequestSend,
    },
};
use volo_thrift::{
    EntryMessage, LinkedBytes, ThriftMessage,
    codec::{Decoder, MakeCodec},
    context::ServerContext,
};

use super::{GuardedCodec, Side};

const ROUNDS: u64 = 3000;

/// Requests with every kind of value that the IDL has.
fn requests() -> Vec<(&'static str, UserServiceRequestSend)> {
    let picture = Picture {
        id: 1,
        key: "picture".into(),
        user_id: 2,
        video_id: Some(3),
        vector: vec![0xff; 8].into(),
        model: "model".into(),
    };
    let event = |picture| Event { kind: EventKind::COVER_ADDED, entity_id: 300, delta: -1, picture };
    let events = vec![event(Some(picture.clone())), event(None), event(Some(picture))];
    let apply = ApplyEventsReq { source: "source".into(), number: 1 << 40, events };
    let register = RegisterReq { username: "小明".into(), password: "password".into() };
    vec![
        ("ApplyEvents", UserServiceRequestSend::ApplyEvents(UserServiceApplyEventsArgsSend { req: apply })),
        ("Register", UserServiceRequestSend::Register(UserServiceRegisterArgsSend { req: register })),
    ]
}

/// Each request in both protocols, framed, with a TTHeader.
fn messages() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for (name, request) in requests() {
        let start = TMessageIdentifier::new(name.into(), TMessageType::Call, 7);
        let (mut binary, mut compact) = (LinkedBytes::new(), LinkedBytes::new());
        let mut protocol = TBinaryProtocol::new(&mut binary, false);
        protocol.write_message_begin(&start).unwrap();
        request.encode(&mut protocol).unwrap();
        let mut protocol = TCompactOutputProtocol::new(&mut compact, false);
        protocol.write_message_begin(&start).unwrap();
        request.encode(&mut protocol).unwrap();
        for thrift in [binary.bytes().to_vec(), compact.bytes().to_vec()] {
            let header = [0x10, 0, 0, 0, 0, 0, 0, 7, 0, 3, 0, 0, 1, 0, 1, 0, 1, b'k', 0, 1, b'v', 0];
            let framed = [&u32::try_from(thrift.len()).unwrap().to_be_bytes()[..], &thrift].concat();
            let whole = [&header[..], &framed].concat();
            messages.push([&u32::try_from(whole.len()).unwrap().to_be_bytes()[..], &whole].concat());
            messages.push(framed);
            messages.push(thrift);
        }
    }
    messages
}

async fn decode(bytes: Vec<u8>) -> Option<ThriftMessage<UserServiceRequestRecv>> {
    let codec = GuardedCodec::new("fanone.user", Side::Server, 1 << 20);
    let (_, mut decoder) = codec.make_codec(std::io::Cursor::new(bytes), NoWriter);
    let mut cx = ServerContext::default();
    let decoding = METAINFO.scope(RefCell::new(MetaInfo::default()), decoder.decode(&mut cx));
    decoding.await.ok().flatten()
}

#[tokio::test]
async fn good_messages_pass() {
    for message in messages() {
        assert!(decode(message.clone()).await.is_some(), "{message:?}");
    }
}

#[tokio::test]
async fn no_damage_makes_the_decoder_panic() {
    let mut random = Random(88_172_645_463_325_252);
    let mut passed = 0;
    for message in messages() {
        for _ in 0..ROUNDS {
            let mut damaged = message.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(damaged.len());
                damaged[at] = match random.below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => damaged[at] ^ (1 << random.below(8)),
                    _ => u8::try_from(random.below(256)).unwrap(),
                };
            }
            passed += usize::from(decode(damaged).await.is_some());
        }
    }
    assert!(passed > 1000, "some damage does no harm: {passed}");
}

/// Xorshift: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

use no_writer::NoWriter;

mod no_writer {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncWrite, Interest, Ready};

    /// The decoder comes with an encoder, which is not used here.
    pub(super) struct NoWriter;

    impl AsyncWrite for NoWriter {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl volo::net::ext::AsyncExt for NoWriter {
        async fn ready(&self, _: Interest) -> io::Result<Ready> {
            Ok(Ready::EMPTY)
        }
    }
}
