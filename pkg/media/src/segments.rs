//! The bytes of unfinished uploads, kept so that they survive a kill at any moment.
//!
//! An upload is a run of objects `uploads/<id>/<offset in 20 digits>`, each made whole and durable in one go. How far
//! it came is read from the list of them: there is no other state that could disagree. A broken connection loses
//! nothing that arrived; a killed server at most one segment.
//!
//! An append with a checksum must keep nothing when the sum is wrong. Its first segment is published last: until
//! then the run has a gap, and what lies behind the gap does not count. The next append removes it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fanone_base::{Code, Failure, Id};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::{Folder, Key, MediaError, MediaStore};

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
    /// More bytes than the upload was to have; none of this append are kept.
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
    /// Uploads in `store`, in segments of at most `segment_bytes`. An append holds that much in memory, with a
    /// checksum twice as much.
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
        tokio::spawn(work).await?
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
        self.remove_from(upload, offset).await?;
        let mut append = Append::new(self, upload, offset, checksum.is_some());
        let broken = loop {
            match stream.next().await {
                Some(Ok(chunk)) if append.end() + chunk.len() as u64 > length => {
                    self.remove_from(upload, offset).await?;
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
                self.remove_from(upload, offset).await?;
                return Ok(Appended { offset, broken });
            }
            if !checksum.fits() {
                self.remove_from(upload, offset).await?;
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

    /// Puts a whole upload of `length` bytes together under its final key. The segments stay until [`Self::remove`].
    ///
    /// # Errors
    /// [`SegmentError::Offset`] when it is not whole, faults of the store; nothing is visible then.
    pub async fn concat(&self, upload: Id, length: u64, key: &Key) -> Result<(), SegmentError> {
        let run = self.run(upload).await?;
        let actual = run.last().map_or(0, |segment| segment.end);
        if actual != length {
            return Err(SegmentError::Offset { asked: length, actual });
        }
        let mut writer = self.store.writer(key);
        for segment in run {
            let mut stream = self.store.read(&segment.key, 0..segment.end - segment.start).await?;
            while let Some(chunk) = stream.try_next().await? {
                writer.write(chunk).await?;
            }
        }
        writer.finish().await?;
        Ok(())
    }

    /// Forgets all bytes of an upload; an unknown one is fine.
    ///
    /// # Errors
    /// [`SegmentError::Busy`], faults of the store.
    pub async fn remove(&self, upload: Id) -> Result<(), SegmentError> {
        let _turn = self.turn(upload)?;
        self.remove_from(upload, 0).await?;
        if let Some(folder) = self.store.local_path(&folder(upload)?) {
            // An empty folder costs next to nothing; that it stays is no reason to fail.
            tokio::fs::remove_dir(folder).await.unwrap_or_default();
        }
        Ok(())
    }

    /// Removes the segments that begin at `offset` or behind it, those behind a gap too.
    async fn remove_from(&self, upload: Id, offset: u64) -> Result<(), SegmentError> {
        for segment in self.list(upload).await?.into_iter().filter(|segment| segment.start >= offset) {
            self.store.delete(&segment.key).await?;
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

/// One append on its way: bytes become segments as soon as there are enough of them.
struct Append<'a> {
    segments: &'a Segments,
    upload: Id,
    start: u64,
    /// Where the next segment begins.
    next: u64,
    buffer: Vec<Bytes>,
    buffered: usize,
    /// Whether the first segment waits for the end.
    hold: bool,
    held: Option<Vec<Bytes>>,
}

impl<'a> Append<'a> {
    fn new(segments: &'a Segments, upload: Id, start: u64, hold: bool) -> Append<'a> {
        Append { segments, upload, start, next: start, buffer: Vec::new(), buffered: 0, hold, held: None }
    }

    fn end(&self) -> u64 {
        self.next + self.buffered as u64
    }

    async fn take(&mut self, mut chunk: Bytes) -> Result<(), SegmentError> {
        while self.buffered + chunk.len() >= self.segments.segment_bytes {
            let part = chunk.split_to(self.segments.segment_bytes - self.buffered);
            self.buffered += part.len();
            self.buffer.push(part);
            self.flush().await?;
        }
        if !chunk.is_empty() {
            self.buffered += chunk.len();
            self.buffer.push(chunk);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SegmentError> {
        if self.buffered == 0 {
            return Ok(());
        }
        let chunks = std::mem::take(&mut self.buffer);
        if self.hold && self.next == self.start {
            self.held = Some(chunks);
        } else {
            self.create(self.next, chunks).await?;
        }
        self.next += self.buffered as u64;
        self.buffered = 0;
        Ok(())
    }

    /// Makes everything count, and returns where the upload stands.
    async fn publish(mut self) -> Result<u64, SegmentError> {
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

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    const UPLOAD: Id = Id(77);
    const SEGMENT: usize = 10;

    fn uploads() -> (tempfile::TempDir, [Segments; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let local = MediaStore::open(&format!("file:{}", folder.path().display())).unwrap();
        let remote = MediaStore::over(Arc::new(InMemory::new()));
        (folder, [local, remote].map(|store| Segments::new(store, SEGMENT)))
    }

    fn whole(text: &str) -> ChunkStream {
        let chunks: Vec<_> =
            text.as_bytes().chunks(7).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        futures::stream::iter(chunks).boxed()
    }

    fn broken(text: &str) -> ChunkStream {
        whole(text).chain(futures::stream::iter([Err("connection reset".into())])).boxed()
    }

    /// A checksum that adds the bytes up.
    struct Sum(u64, u64);

    impl Checksum for Sum {
        fn update(&mut self, chunk: &[u8]) {
            self.0 += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }

        fn fits(&mut self) -> bool {
            self.0 == self.1
        }
    }

    fn sum(of: &str) -> Option<Box<dyn Checksum>> {
        Some(Box::new(Sum(0, of.bytes().map(u64::from).sum())))
    }

    async fn content(uploads: &Segments, length: u64) -> Vec<u8> {
        let key = Key::random(Folder::Videos, "mp4").unwrap();
        uploads.concat(UPLOAD, length, &key).await.unwrap();
        uploads.store.read_head(&key, 1000).await.unwrap()
    }

    #[tokio::test]
    async fn an_upload_goes_on_where_the_stream_broke_off() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 0);
            let first = uploads.append(UPLOAD, 0, 40, broken("The quick brown "), None).await.unwrap();
            assert_eq!(first.offset, 16);
            assert!(first.broken.unwrap().to_string().contains("reset"));
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 16);
            let second =
                uploads.append(UPLOAD, 16, 40, whole("fox jumps over the dog !"), None).await.unwrap();
            assert_eq!((second.offset, second.broken.is_none()), (40, true));
            assert_eq!(uploads.first_bytes(UPLOAD, 19).await.unwrap(), b"The quick brown fox");
            assert_eq!(content(&uploads, 40).await, b"The quick brown fox jumps over the dog !");
        }
    }

    #[tokio::test]
    async fn a_new_process_finds_the_offset_in_the_store() {
        let (_folder, [uploads, _]) = uploads();
        uploads.append(UPLOAD, 0, 40, whole("0123456789abc"), None).await.unwrap();
        let other = Segments::new(uploads.store.clone(), SEGMENT);
        assert_eq!(other.offset(UPLOAD).await.unwrap(), 13);
        assert_eq!(other.offset(Id(7)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_append_elsewhere_than_at_the_end_is_refused() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            uploads.append(UPLOAD, 0, 40, whole("0123456789abc"), None).await.unwrap();
            for asked in [0, 12, 14] {
                let refused = uploads.append(UPLOAD, asked, 40, whole("x"), None).await;
                assert!(matches!(refused, Err(SegmentError::Offset { actual: 13, .. })), "{refused:?}");
            }
            assert!(matches!(
                uploads.concat(UPLOAD, 40, &"videos/a.mp4".parse().unwrap()).await,
                Err(SegmentError::Offset { asked: 40, actual: 13 })
            ));
        }
    }

    #[tokio::test]
    async fn bytes_beyond_the_length_are_refused_with_all_of_their_append() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            uploads.append(UPLOAD, 0, 30, whole("0123"), None).await.unwrap();
            let refused = uploads.append(UPLOAD, 4, 30, whole(&"x".repeat(27)), None).await;
            assert!(matches!(refused, Err(SegmentError::TooLong(30))));
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 4);
            assert_eq!(uploads.append(UPLOAD, 4, 30, whole(&"x".repeat(26)), None).await.unwrap().offset, 30);
        }
    }

    #[tokio::test]
    async fn a_wrong_checksum_keeps_nothing_and_a_right_one_everything() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            uploads.append(UPLOAD, 0, 50, whole("0123"), None).await.unwrap();
            let text = "abcdefghijklmnopqrstuvwxyz";
            let refused = uploads.append(UPLOAD, 4, 50, whole(text), sum("else")).await;
            assert!(matches!(refused, Err(SegmentError::Checksum)));
            let cut_off = uploads.append(UPLOAD, 4, 50, broken(text), sum(text)).await.unwrap();
            assert_eq!((cut_off.offset, cut_off.broken.is_some()), (4, true));
            assert_eq!(uploads.list(UPLOAD).await.unwrap().len(), 1);
            assert_eq!(uploads.append(UPLOAD, 4, 50, whole(text), sum(text)).await.unwrap().offset, 30);
            assert_eq!(content(&uploads, 30).await, b"0123abcdefghijklmnopqrstuvwxyz");
        }
    }

    #[tokio::test]
    async fn what_a_kill_left_behind_a_gap_never_counts() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            let stray: Key = "uploads/77/00000000000000000010".parse().unwrap();
            uploads.store.put(&stray, Bytes::from_static(b"unverified")).await.unwrap();
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 0);
            assert_eq!(uploads.append(UPLOAD, 0, 40, whole("0123456789"), None).await.unwrap().offset, 10);
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 10);
        }
    }

    #[tokio::test]
    async fn a_second_append_at_the_same_time_is_refused() {
        let (_folder, stores) = uploads();
        for uploads in stores {
            let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
            let first = uploads.append(UPLOAD, 0, 40, receiver.boxed(), None);
            let second = async {
                let refused = uploads.append(UPLOAD, 0, 40, whole("x"), None).await;
                assert!(matches!(refused, Err(SegmentError::Busy)));
                assert!(matches!(uploads.remove(UPLOAD).await, Err(SegmentError::Busy)));
                drop(sender);
            };
            futures::join!(first, second).0.unwrap();
            uploads.append(UPLOAD, 0, 40, whole("x"), None).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_append_whose_caller_went_away_keeps_what_arrived() {
        let (_folder, [uploads, _]) = uploads();
        let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BoxError>>();
        let append = Box::pin(uploads.append(UPLOAD, 0, 40, receiver.boxed(), None));
        drop(futures::future::select(append, std::future::ready(())).await); // begun, then dropped
        sender.unbounded_send(Ok(Bytes::from_static(b"0123"))).unwrap();
        drop(sender);
        while uploads.offset(UPLOAD).await.unwrap() < 4 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_removed_upload_leaves_nothing() {
        let (folder, stores) = uploads();
        for uploads in stores {
            uploads.append(UPLOAD, 0, 40, whole("0123456789abc"), None).await.unwrap();
            uploads.remove(UPLOAD).await.unwrap();
            uploads.remove(UPLOAD).await.unwrap();
            assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 0);
        }
        assert!(!folder.path().join("uploads/77").exists());
    }
}
