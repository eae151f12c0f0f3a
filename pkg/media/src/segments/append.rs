//! The bytes of one request on their way into segments.

use bytes::Bytes;
use fanone_base::Id;
use futures::TryStreamExt;

use super::{SegmentError, Segments, folder, segment_key};
use crate::{Key, MediaError, Writer, pieces::Pieces};

/// One append on its way.
pub(super) struct Append<'a> {
    run: Run<'a>,
    start: u64,
    end: u64,
    /// Where bytes wait beside the run until it is known that they are right. Dropped, it leaves nothing.
    beside: Option<(Key, Writer)>,
}

impl<'a> Append<'a> {
    pub(super) fn new(
        segments: &'a Segments,
        upload: Id,
        start: u64,
        verify: bool,
    ) -> Result<Append<'a>, SegmentError> {
        let beside = match verify {
            true => {
                let key = beside(&folder(upload)?)?;
                let writer = segments.store.writer(&key);
                Some((key, writer))
            }
            false => None,
        };
        let run = Run { segments, upload, start, buffer: Pieces::default() };
        Ok(Append { run, start, end: start, beside })
    }

    /// Where the upload stands once everything is published.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) async fn take(&mut self, chunk: Bytes) -> Result<(), SegmentError> {
        self.end += chunk.len() as u64;
        match &mut self.beside {
            Some((_, writer)) => Ok(writer.write(chunk).await?),
            None => self.run.take(chunk).await,
        }
    }

    /// Makes everything count, and returns where the upload stands.
    pub(super) async fn publish(self) -> Result<u64, SegmentError> {
        if self.end == self.start {
            // An empty segment would stand in the way of the next one.
            return Ok(self.end);
        }
        let Some((beside, writer)) = self.beside else {
            self.run.end().await?;
            return Ok(self.end);
        };
        writer.finish().await?;
        let store = &self.run.segments.store;
        if store.is_bucket() {
            let copied = self.run.copy(&beside, self.end - self.start).await;
            store.delete(&beside).await?;
            copied?;
        } else {
            store.move_new(&beside, &segment_key(self.run.upload, self.start)?).await?;
        }
        Ok(self.end)
    }
}

/// Bytes that become segments as soon as it is known that more follow: the last segment waits for the end of the
/// request, which may turn out to be too long.
struct Run<'a> {
    segments: &'a Segments,
    upload: Id,
    start: u64,
    buffer: Pieces,
}

impl Run<'_> {
    async fn take(&mut self, mut chunk: Bytes) -> Result<(), SegmentError> {
        let most = self.segments.segment_bytes;
        while self.buffer.len() + chunk.len() > most {
            self.buffer.push(chunk.split_to(most - self.buffer.len()));
            self.store().await?;
            self.start += most as u64;
        }
        if !chunk.is_empty() {
            self.buffer.push(chunk);
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), SegmentError> {
        self.store().await
    }

    /// Takes the bytes that wait beside the run, which are right. Broken off, it has taken the first of them: a bucket
    /// can't move an object to where there is none.
    async fn copy(mut self, beside: &Key, length: u64) -> Result<(), SegmentError> {
        let mut bytes = self.segments.store.read(beside, 0..length).await?;
        while let Some(chunk) = bytes.try_next().await? {
            self.take(chunk).await?;
        }
        self.end().await
    }

    async fn store(&mut self) -> Result<(), SegmentError> {
        let key = segment_key(self.upload, self.start)?;
        Ok(self.segments.store.create(&key, self.buffer.take()).await?)
    }
}

/// A key in the folder of an upload, nobody else's.
pub(super) fn beside(folder: &Key) -> Result<Key, MediaError> {
    Key::beside(folder.as_str(), "beside")
}
