//! A connection that is closed in a way the client can still read the answer, and that ends when the client does not
//! take its answer.
//!
//! An upload that is refused before it was read (too large, not logged in) leaves bytes in flight. Closing the socket
//! then makes the kernel send a reset, and the client loses the answer that told it why. So the write side is closed
//! first and what still comes in is thrown away for a moment.
//!
//! A client that asks for a video and never reads it would keep its connection for ever, and there are only so many.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may go on sending after its answer.
const LINGER: Duration = Duration::from_secs(2);
/// How much a client may go on sending after its answer.
const DISCARD_MAX: usize = 64 << 20;
const SCRATCH_BYTES: usize = 16 * 1024;
/// How long a client may take no byte of what is sent to it. A player that is paused asks again for the rest.
const STALL: Duration = Duration::from_secs(60);

/// `S`, closed gently.
pub(crate) struct Lingering<S> {
    stream: S,
    ended: bool,
    /// Present while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Present once the write side is closed.
    closing: Option<Closing>,
}

struct Closing {
    until: Pin<Box<Sleep>>,
    discarded: usize,
    scratch: Box<[u8]>,
}

impl<S> Lingering<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, ended: false, stalled: None, closing: None }
    }

    /// What a write came to: an error once the client has taken nothing for too long.
    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.ended |= room && buf.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let closing = this.closing.get_or_insert_with(Closing::new);
        loop {
            if closing.discarded > DISCARD_MAX || closing.until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut closing.scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => closing.discarded += buf.filled().len(),
                // The client has closed its side, or the connection is gone: nothing is lost any more.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Closing {
    fn new() -> Self {
        Self {
            until: Box::pin(sleep(LINGER)),
            discarded: 0,
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_the_client_still_sends_is_read_before_the_connection_goes() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Lingering::new(near);
        let client = tokio::spawn(async move {
            far.write_all(&[7; 1000]).await.unwrap();
            let mut answer = Vec::new();
            far.shutdown().await.unwrap();
            far.read_to_end(&mut answer).await.unwrap();
            answer
        });
        near.write_all(b"refused").await.unwrap();
        near.shutdown().await.unwrap();
        assert_eq!(client.await.unwrap(), b"refused");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_is_left() {
        let (near, far) = tokio::io::duplex(64);
        let mut near = Lingering::new(near);
        near.shutdown().await.unwrap();
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_loses_its_connection() {
        let (near, _far) = tokio::io::duplex(64);
        let sent = Lingering::new(near).write_all(&[7; 1000]).await;
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_slow_gets_everything() {
        let (near, mut far) = tokio::io::duplex(64);
        let client = tokio::spawn(async move {
            let mut answer = [0; 1000];
            for part in answer.chunks_mut(50) {
                sleep(STALL / 2).await;
                far.read_exact(part).await.unwrap();
            }
            answer
        });
        Lingering::new(near).write_all(&[7; 1000]).await.unwrap();
        assert_eq!(client.await.unwrap(), [7; 1000]);
    }
}
