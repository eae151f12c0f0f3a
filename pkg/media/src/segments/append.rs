//! The bytes of one request on their way into segments.

use bytes::Bytes;
use fanone_base::Id;

use super::{SegmentError, Segments, folder, segment_key};
use crate::{Key, MediaError, Writer, pieces::Pieces};

/// One append on its way.
pub(super) struct Append<'a> {
    segments: &'a Segments,
    upload: Id,
    start: u64,
    end: u64,
    way: Way,
}

enum Way {
    /// Bytes become segments as soon as it is known that more follow: the last segment waits for the end of the
    /// request, which may turn out to be too long.
    AtOnce(Pieces),
    /// Bytes wait beside the run until it is known that they are right. Dropped, it leaves nothing.
    Beside(Key, Writer),
}

impl<'a> Append<'a> {
    pub(super) fn new(
        segments: &'a Segments,
        upload: Id,
        start: u64,
        verify: bool,
    ) -> Result<Append<'a>, SegmentError> {
        let way = if verify {
            let beside = beside(&folder(upload)?)?;
            let writer = segments.store.writer(&beside);
            Way::Beside(beside, writer)
        } else {
            Way::AtOnce(Pieces::default())
        };
        Ok(Append { segments, upload, start, end: start, way })
    }

    /// Where the upload stands once everything is published.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) async fn take(&mut self, mut chunk: Bytes) -> Result<(), SegmentError> {
        self.end += chunk.len() as u64;
        match &mut self.way {
            Way::Beside(_, writer) => writer.write(chunk).await?,
            Way::AtOnce(buffer) => {
                let most = self.segments.segment_bytes;
                while buffer.len() + chunk.len() > most {
                    buffer.push(chunk.split_to(most - buffer.len()));
                    let key = segment_key(self.upload, self.start)?;
                    self.segments.store.create(&key, buffer.take()).await?;
                    self.start += most as u64;
                }
                if !chunk.is_empty() {
                    buffer.push(chunk);
                }
            }
        }
        Ok(())
    }

    /// Makes everything count, and returns where the upload stands.
    pub(super) async fn publish(self) -> Result<u64, SegmentError> {
        if self.end == self.start {
            // An empty segment would stand in the way of the next one.
            return Ok(self.end);
        }
        let (store, key) = (&self.segments.store, segment_key(self.upload, self.start)?);
        match self.way {
            Way::AtOnce(mut buffer) => store.create(&key, buffer.take()).await?,
            Way::Beside(beside, writer) => {
                writer.finish().await?;
                store.move_new(&beside, &key).await?;
            }
        }
        Ok(self.end)
    }
}

/// A key in the folder of an upload, nobody else's.
pub(super) fn beside(folder: &Key) -> Result<Key, MediaError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    format!("{folder}/beside.{:032x}", u128::from_be_bytes(bits)).parse()
}
