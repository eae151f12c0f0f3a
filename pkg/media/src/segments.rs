//! The bytes of unfinished uploads, kept so that they survive a kill at any moment.
//!
//! An upload is a run of objects `uploads/<id>/<offset in 20 digits>`, each made whole and durable in one go. How far
//! it came is read from the list of them: there is no other state that could disagree. A broken connection loses
//! nothing that arrived; a killed server at most one segment.
//!
//! Any number of processes may append to one upload at once, with no lock between them: a run only grows, and each
//! segment is made only where there is none. So exactly one append makes the segment that follows the end of a run, the
//! others make nothing from there on, and what follows a segment was meant for it. While an upload lives, nothing of
//! its run is removed: that would let the bytes of two appends meet.
//!
//! An append with a checksum must keep nothing when the sum is wrong. It is written as one object beside the run,
//! which takes its place in the run once the sum is right; in a bucket, where nothing can be moved, it is then copied.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fanone_base::{Code, Failure, Id};
use fanone_telemetry::trace;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use self::append::Append;
use crate::{Folder, Key, MediaError, MediaStore};

mod append;

/// The most segments of one upload: who sends 2 GiB in tiny requests is refused.
const SEGMENTS_MAX: usize = 10_000;
/// The most segments listed: one append may go beyond the limit above, and can still be removed.
const LISTED_MAX: usize = 1_000_000;

/// Any error, as the body of a request gives it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The bytes of one request as they come.
pub type ChunkStream = BoxStream<'static, Result<Bytes, BoxError>>;

/// A checksum over the bytes of one append.
pub trait Checksum: Send {
    /// Takes the next bytes.
    fn update(&mut self, chunk: &[u8]);
    /// Whether the bytes taken have the expected sum.
    fn fits(&mut self) -> bool;
}

/// What became of an append.
#[derive(Debug)]
pub struct Appended {
    /// Where the upload stands now, in bytes.
    pub offset: u64,
    /// Why the stream broke off, if it did; the bytes before that are kept (unless there was a checksum).
    pub broken: Option<BoxError>,
}

/// Why bytes were not appended or an upload not put together.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The upload stands elsewhere.
    #[error("the upload stands at {actual}, not at {asked}")]
    Offset {
        /// What the request wants to append to.
        asked: u64,
        /// Where the upload stands.
        actual: u64,
    },
    /// Another request appends to the same upload at this moment.
    #[error("another request appends to the same upload")]
    Busy,
    /// More bytes than the upload was to have. The last segment of the append is not kept, so the upload is not whole.
    #[error("more than the {0} bytes of the upload")]
    TooLong(u64),
    /// The bytes don't have the expected sum; none of this append are kept.
    #[error("the checksum does not fit")]
    Checksum,
    /// The upload came in too many small requests.
    #[error("the upload has more than {SEGMENTS_MAX} parts")]
    TooManySegments,
    /// The store failed.
    #[error("an upload can't be stored")]
    Media(#[source] MediaError),
}

impl From<MediaError> for SegmentError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Exists => SegmentError::Busy,
            MediaError::TooMany(_) => SegmentError::TooManySegments,
            error => SegmentError::Media(error),
        }
    }
}

impl From<tokio::task::JoinError> for SegmentError {
    fn from(error: tokio::task::JoinError) -> Self {
        SegmentError::Media(MediaError::Worker(error))
    }
}

impl Failure for SegmentError {
    fn code(&self) -> Code {
        match self {
            SegmentError::Offset { .. } => Code::UploadOffset,
            SegmentError::Busy => Code::Conflict,
            SegmentError::TooLong(_) | SegmentError::TooManySegments => Code::Parameter,
            SegmentError::Checksum => Code::UploadChecksum,
            SegmentError::Media(error) => error.code(),
        }
    }
}

/// The unfinished uploads in a store. Clones share them.
#[derive(Clone, Debug)]
pub struct Segments {
    store: MediaStore,
    segment_bytes: usize,
    /// Uploads that are appended to by this process at this moment.
    busy: Arc<Mutex<HashSet<Id>>>,
}

impl Segments {
    /// Uploads in `store`, in segments of at most `segment_bytes`; an append holds that much in memory. In a folder, one
    /// with a checksum becomes one segment, however large it is.
    pub fn new(store: MediaStore, segment_bytes: usize) -> Segments {
        Segments { store, segment_bytes: segment_bytes.max(1), busy: Arc::default() }
    }

    /// Where an upload stands: how many bytes of it are safe. An unknown upload stands at 0.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn offset(&self, upload: Id) -> Result<u64, SegmentError> {
        let run = self.run(upload).await?;
        Ok(run.last().map_or(0, |segment| segment.end))
    }

    /// Appends the stream at `offset` to an upload that will have `length` bytes. When the stream breaks off, what
    /// arrived is kept. It goes on in a task of its own, so it also ends well when the caller is dropped.
    ///
    /// # Errors
    /// [`SegmentError`]; the upload then stands where it stood, or further with [`SegmentError::Media`].
    pub async fn append(
        &self,
        upload: Id,
        offset: u64,
        length: u64,
        stream: ChunkStream,
        checksum: Option<Box<dyn Checksum>>,
    ) -> Result<Appended, SegmentError> {
        let turn = self.turn(upload)?;
        let segments = self.clone();
        let work = async move {
            let outcome = segments.append_now(upload, offset, length, stream, checksum).await;
            drop(turn);
            outcome
        };
        tokio::spawn(trace::within(trace::current(), work)).await?
    }

    async fn append_now(
        &self,
        upload: Id,
        offset: u64,
        length: u64,
        mut stream: ChunkStream,
        mut checksum: Option<Box<dyn Checksum>>,
    ) -> Result<Appended, SegmentError> {
        let run = self.run(upload).await?;
        let actual = run.last().map_or(0, |segment| segment.end);
        if offset != actual {
            return Err(SegmentError::Offset { asked: offset, actual });
        }
        if run.len() >= SEGMENTS_MAX {
            return Err(SegmentError::TooManySegments);
        }
        let mut append = Append::new(self, upload, offset, checksum.is_some())?;
        let broken = loop {
            match stream.next().await {
                Some(Ok(chunk)) if append.end() + chunk.len() as u64 > length => {
                    return Err(SegmentError::TooLong(length));
                }
                Some(Ok(chunk)) => {
                    if let Some(checksum) = &mut checksum {
                        checksum.update(&chunk);
                    }
                    append.take(chunk).await?;
                }
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        if let Some(mut checksum) = checksum {
            if broken.is_some() {
                return Ok(Appended { offset, broken });
            }
            if !checksum.fits() {
                return Err(SegmentError::Checksum);
            }
        }
        Ok(Appended { offset: append.publish().await?, broken })
    }

    /// The first bytes of an upload, at most `limit`: enough to see what it will be.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn first_bytes(&self, upload: Id, limit: usize) -> Result<Vec<u8>, SegmentError> {
        let mut bytes = Vec::new();
        for segment in self.run(upload).await? {
            let missing = limit.saturating_sub(bytes.len());
            if missing == 0 {
                break;
            }
            bytes.extend(self.store.read_head(&segment.key, missing).await?);
        }
        Ok(bytes)
    }

    /// Puts a whole upload of `length` bytes together under its final key, unless there is an object with this key
    /// already: then this upload was put together before. The segments stay until [`Self::remove`].
    ///
    /// # Errors
    /// [`SegmentError::Offset`] when it is not whole, faults of the store; nothing new is visible then.
    pub async fn concat(&self, upload: Id, length: u64, key: &Key) -> Result<(), SegmentError> {
        let run = self.run(upload).await?;
        let actual = run.last().map_or(0, |segment| segment.end);
        if actual != length {
            return Err(SegmentError::Offset { asked: length, actual });
        }
        if self.store.head(key).await.is_ok() {
            return Ok(());
        }
        // In a bucket an object appears whole; if it does so twice, both are the same.
        let place = if self.store.is_bucket() { key.clone() } else { append::beside(&folder(upload)?)? };
        let mut writer = self.store.writer(&place);
        for segment in run {
            let mut stream = self.store.read(&segment.key, 0..segment.end - segment.start).await?;
            while let Some(chunk) = stream.try_next().await? {
                writer.write(chunk).await?;
            }
        }
        writer.finish().await?;
        if place == *key {
            return Ok(());
        }
        match self.store.move_new(&place, key).await {
            Ok(()) | Err(MediaError::Exists) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets all bytes of an upload; an unknown one is fine. Only for one that nobody can append to any more.
    ///
    /// # Errors
    /// [`SegmentError::Busy`], faults of the store.
    pub async fn remove(&self, upload: Id) -> Result<(), SegmentError> {
        let _turn = self.turn(upload)?;
        let folder = folder(upload)?;
        let parts = self.store.list(&folder, LISTED_MAX).await?;
        self.store.delete_all(parts.into_iter().map(|(key, _)| key).collect()).await?;
        if let Some(folder) = self.store.local_path(&folder) {
            // An empty folder costs next to nothing; that it stays is no reason to fail.
            tokio::fs::remove_dir(folder).await.unwrap_or_default();
        }
        Ok(())
    }

    /// The segments that follow one another from the start.
    async fn run(&self, upload: Id) -> Result<Vec<Segment>, SegmentError> {
        let mut end = 0;
        let follows = |segment: &Segment| segment.start == std::mem::replace(&mut end, segment.end);
        Ok(self.list(upload).await?.into_iter().take_while(follows).collect())
    }

    async fn list(&self, upload: Id) -> Result<Vec<Segment>, SegmentError> {
        let found = self.store.list(&folder(upload)?, LISTED_MAX).await?;
        // What is no number is not in the run.
        let segment = |(key, size): (Key, u64)| {
            let (_, start) = key.as_str().rsplit_once('/')?;
            let start: u64 = start.parse().ok()?;
            Some(Segment { start, end: start.checked_add(size)?, key })
        };
        Ok(found.into_iter().filter_map(segment).collect())
    }

    fn turn(&self, upload: Id) -> Result<Turn, SegmentError> {
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(upload) {
            return Err(SegmentError::Busy);
        }
        Ok(Turn { busy: Arc::clone(&self.busy), upload })
    }
}

/// A segment in the store: the bytes of the upload from `start` to before `end`.
struct Segment {
    start: u64,
    end: u64,
    key: Key,
}

/// The key of the segment that begins at `start`.
fn segment_key(upload: Id, start: u64) -> Result<Key, MediaError> {
    format!("{}/{start:020}", folder(upload)?).parse()
}

fn folder(upload: Id) -> Result<Key, MediaError> {
    format!("{}/{upload}", Folder::Uploads.name()).parse()
}

/// The right to change an upload, given back when dropped.
struct Turn {
    busy: Arc<Mutex<HashSet<Id>>>,
    upload: Id,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
    }
}

#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;
