//! The bytes of one request on their way into segments.

use bytes::Bytes;
use fanone_base::Id;

use super::{SegmentError, Segments, folder};
use crate::{Key, pieces::Pieces};

/// One append on its way: bytes become segments as soon as there are enough of them.
pub(super) struct Append<'a> {
    segments: &'a Segments,
    upload: Id,
    start: u64,
    /// Where the next segment begins.
    next: u64,
    buffer: Pieces,
    /// Whether the first segment waits for the end.
    hold: bool,
    held: Option<Vec<Bytes>>,
}

impl<'a> Append<'a> {
    pub(super) fn new(segments: &'a Segments, upload: Id, start: u64, hold: bool) -> Append<'a> {
        Append { segments, upload, start, next: start, buffer: Pieces::default(), hold, held: None }
    }

    pub(super) fn end(&self) -> u64 {
        self.next + self.buffer.len() as u64
    }

    pub(super) async fn take(&mut self, mut chunk: Bytes) -> Result<(), SegmentError> {
        while self.buffer.len() + chunk.len() >= self.segments.segment_bytes {
            self.buffer.push(chunk.split_to(self.segments.segment_bytes - self.buffer.len()));
            self.flush().await?;
        }
        if !chunk.is_empty() {
            self.buffer.push(chunk);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SegmentError> {
        let bytes = self.buffer.len();
        if bytes == 0 {
            return Ok(());
        }
        let chunks = self.buffer.take();
        if self.hold && self.next == self.start {
            self.held = Some(chunks);
        } else {
            self.create(self.next, chunks).await?;
        }
        self.next += bytes as u64;
        Ok(())
    }

    /// Makes everything count, and returns where the upload stands.
    pub(super) async fn publish(mut self) -> Result<u64, SegmentError> {
        self.flush().await?;
        if let Some(chunks) = self.held.take() {
            self.create(self.start, chunks).await?;
        }
        Ok(self.next)
    }

    async fn create(&self, start: u64, chunks: Vec<Bytes>) -> Result<(), SegmentError> {
        let key = format!("{}/{start:020}", folder(self.upload)?).parse::<Key>()?;
        Ok(self.segments.store.create(&key, chunks).await?)
    }
}
