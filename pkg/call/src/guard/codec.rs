//! volo's codec behind the guard.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::time::timeout;
use volo::net::ext::AsyncExt;
use volo_thrift::{
    EntryMessage, ProtocolException, ProtocolExceptionKind, ThriftException, ThriftMessage,
    codec::{
        Decoder, DefaultMakeCodec, Encoder, MakeCodec,
        default::{
            DefaultEncoder, MakeZeroCopyCodec, ZeroCopyDecoder, framed::MakeFramedCodec,
            thrift::MakeThriftCodec, ttheader::MakeTTHeaderCodec,
        },
    },
    context::ThriftContext,
};

use crate::inbound::count_refusal;

use super::{
    Refusal,
    frame::{self, DETECT_BYTES, Transport},
    idl::IDL,
    message::Messages,
};

/// A bare message shows its length only by being read, so its reading costs more.
const BARE_BYTES_MAX: usize = 64 * 1024;
/// What is read at once, at least.
const READ_BYTES: usize = 8 * 1024;
/// How long a server waits for the next request; longer than clients keep idle connections.
const IDLE_TIME: Duration = Duration::from_secs(120);
/// From a message's first byte to its last, in either direction.
const MESSAGE_TIME: Duration = Duration::from_secs(10);

type Codecs = MakeTTHeaderCodec<MakeFramedCodec<MakeThriftCodec>>;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Makes the codec of each connection.
#[derive(Clone)]
pub(crate) struct GuardedCodec {
    messages: Messages,
    bytes_max: usize,
    codecs: Codecs,
}

impl GuardedCodec {
    /// For messages of `service` of at most `bytes_max`.
    pub(crate) fn new(service: &str, side: Side, bytes_max: usize) -> Self {
        let messages = Messages { idl: &IDL, methods: IDL.methods(service), side };
        let frame_max = i32::try_from(bytes_max).unwrap_or(i32::MAX);
        let framed = MakeFramedCodec::new(MakeThriftCodec::default()).with_max_frame_size(frame_max);
        let codecs = MakeTTHeaderCodec::new(framed);
        Self { messages, bytes_max, codecs }
    }

    /// Whether `idl/` says what the messages look like; without it the guard knows no types.
    pub(crate) fn is_described(&self) -> bool {
        self.messages.methods.is_some()
    }
}

impl<R, W> MakeCodec<R, W> for GuardedCodec
where
    R: AsyncRead + Unpin + Send + Sync + 'static,
    W: AsyncWrite + AsyncExt + Unpin + Send + Sync + 'static,
{
    type Encoder = TimedEncoder<DefaultEncoder<<Codecs as MakeZeroCopyCodec>::Encoder, W>>;
    type Decoder = GuardedDecoder<R>;

    fn make_codec(&self, reader: R, writer: W) -> (Self::Encoder, Self::Decoder) {
        let (encoder, _) = DefaultMakeCodec::new(self.codecs.clone()).make_codec(NoReader, writer);
        let (_, inner) = self.codecs.make_codec();
        let (messages, bytes_max) = (self.messages, self.bytes_max);
        let decoder = GuardedDecoder { reader, buffer: BytesMut::new(), messages, bytes_max, inner };
        (TimedEncoder(encoder), decoder)
    }
}

pub(crate) struct GuardedDecoder<R> {
    reader: R,
    /// What has been read and not yet decoded.
    buffer: BytesMut,
    messages: Messages,
    bytes_max: usize,
    inner: <Codecs as MakeZeroCopyCodec>::Decoder,
}

impl<R: AsyncRead + Unpin + Send + Sync + 'static> Decoder for GuardedDecoder<R> {
    async fn decode<Msg: Send + EntryMessage, Cx: ThriftContext>(
        &mut self,
        cx: &mut Cx,
    ) -> Result<Option<ThriftMessage<Msg>>, ThriftException> {
        if !self.await_first_byte().await? {
            return Ok(None);
        }
        cx.stats_mut().record_decode_start_at();
        let called = cx.rpc_info().method().clone();
        let mut message = match timeout(MESSAGE_TIME, self.message(&called)).await {
            Ok(Ok(message)) => message,
            Ok(Err(NoMessage::Broken(error))) => return Err(error.into()),
            Ok(Err(NoMessage::Refused(refusal))) => return Err(self.refuse(refusal, cx)),
            Err(_) => return Err(closed("the message did not end in time")),
        };
        cx.stats_mut().set_read_size(message.len());
        let decoded = self.inner.decode(cx, &mut message);
        cx.stats_mut().record_decode_end_at();
        decoded
    }
}

/// Why there is no message.
enum NoMessage {
    Broken(io::Error),
    Refused(Refusal),
}

impl From<io::Error> for NoMessage {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Refusal> for NoMessage {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<R: AsyncRead + Unpin> GuardedDecoder<R> {
    /// False if the other side is done, or has been silent for too long.
    async fn await_first_byte(&mut self) -> io::Result<bool> {
        if !self.buffer.is_empty() {
            return Ok(true);
        }
        self.buffer.reserve(READ_BYTES);
        let read = self.reader.read_buf(&mut self.buffer);
        match self.messages.side {
            // A client waits for its answer as long as its call may take.
            Side::Client => read.await.map(|count| count > 0),
            Side::Server => match timeout(IDLE_TIME, read).await {
                Ok(count) => count.map(|count| count > 0),
                Err(_) => Ok(false),
            },
        }
    }

    /// One whole message that may be decoded.
    async fn message(&mut self, called: &str) -> Result<Bytes, NoMessage> {
        self.fill(DETECT_BYTES).await?;
        let transport = frame::detect(&self.buffer, self.bytes_max)?;
        let total = match transport {
            Transport::TtHeader(total) | Transport::Framed(total) => {
                self.fill(total).await?;
                total
            }
            Transport::Bare => self.bare_message(called).await?,
        };
        let message = self.buffer.split_to(total).freeze();
        if transport != Transport::Bare {
            let thrift = frame::inside(&message, transport)?;
            self.messages.check(message.get(thrift).unwrap_or_default(), called)?;
        }
        Ok(message)
    }

    /// The length of a message without any length before it: it is read until it makes sense.
    async fn bare_message(&mut self, called: &str) -> Result<usize, NoMessage> {
        loop {
            match self.messages.check(&self.buffer, called) {
                Ok(total) => return Ok(total),
                Err(Refusal::CutOff { needed }) if needed <= BARE_BYTES_MAX => self.fill(needed).await?,
                Err(Refusal::CutOff { .. }) => return Err(Refusal::TooLong { max: BARE_BYTES_MAX }.into()),
                Err(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Reads until the buffer holds `count` bytes. Memory grows with what has really arrived.
    async fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.buffer.len() < count {
            let missing = count - self.buffer.len();
            self.buffer.reserve(missing.clamp(1, self.buffer.len().max(READ_BYTES)));
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                // Of this kind volo makes no noise.
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the message is cut off"));
            }
        }
        Ok(())
    }

    fn refuse<Cx: ThriftContext>(&self, refusal: Refusal, cx: &Cx) -> ThriftException {
        let peer = cx.rpc_info().caller().address();
        match self.messages.side {
            Side::Server => {
                count_refusal("malformed");
                tracing::warn!(reason = %refusal, peer = ?peer, "rpc.message_refused");
                closed("the message was refused")
            }
            Side::Client => {
                ProtocolException::new(ProtocolExceptionKind::InvalidData, refusal.to_string()).into()
            }
        }
    }
}

/// An error that closes the connection without an answer and without noise from volo.
fn closed(reason: &'static str) -> ThriftException {
    io::Error::new(io::ErrorKind::ConnectionAborted, reason).into()
}

/// Gives up on a peer that does not read.
pub(crate) struct TimedEncoder<E>(E);

impl<E: Encoder> Encoder for TimedEncoder<E> {
    async fn encode<Req: Send + EntryMessage, Cx: ThriftContext>(
        &mut self,
        cx: &mut Cx,
        msg: ThriftMessage<Req>,
    ) -> Result<(), ThriftException> {
        match timeout(MESSAGE_TIME, self.0.encode(cx, msg)).await {
            Ok(result) => result,
            Err(_) => Err(closed("the peer does not read")),
        }
    }

    async fn is_closed(&self) -> bool {
        self.0.is_closed().await
    }
}

/// volo makes an encoder only together with a decoder, and that one needs something to read from.
struct NoReader;

impl AsyncRead for NoReader {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncExt for NoReader {
    async fn ready(&self, _: Interest) -> io::Result<Ready> {
        Ok(Ready::EMPTY)
    }
}
