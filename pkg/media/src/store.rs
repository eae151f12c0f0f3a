//! The store of media objects: a folder on disk, and later S3, behind one type.
//!
//! An object is written under a key that is used once, so it never changes: readers may cache it for ever.
//! The local store writes beside the final name, syncs the file and its folder to disk and then renames, so what
//! was acknowledged is there after a power cut, and half an object is never seen.

use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::{Key, MediaError, Writer};

/// How much a reader takes from a file at a time.
const READ_BYTES: usize = 128 * 1024;
/// Parts of a streamed object: small on disk to save memory; S3 takes at least 5 MiB and at most 10,000 parts.
const LOCAL_PART_BYTES: usize = 1024 * 1024;
const REMOTE_PART_BYTES: usize = 8 * 1024 * 1024;

/// The bytes of an object as they come.
pub type ByteStream = BoxStream<'static, Result<Bytes, MediaError>>;

/// What is known about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes.
    pub size: u64,
    /// A strong entity tag, with its quotes.
    pub etag: String,
    /// When it was stored.
    pub modified: SystemTime,
}

/// A store of media objects. Clones share it.
#[derive(Clone, Debug)]
pub struct MediaStore {
    objects: Arc<dyn ObjectStore>,
    /// The folder of a local store.
    folder: Option<Arc<Path>>,
    part_bytes: usize,
}

impl MediaStore {
    /// The store behind `media.url`: `file:<folder>`, which is made when it is not there.
    ///
    /// # Errors
    /// [`MediaError::UnknownUrl`], [`MediaError::Folder`].
    pub fn open(url: &str) -> Result<MediaStore, MediaError> {
        let unknown = || MediaError::UnknownUrl { url: url.to_owned() };
        let path = url.strip_prefix("file:").ok_or_else(unknown)?;
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            None if !path.is_empty() => path,
            _ => return Err(unknown()), // nothing at all, or a host's name
        };
        let folder_error = |source| MediaError::Folder { folder: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(folder_error)?;
        let folder: Arc<Path> = std::fs::canonicalize(path).map_err(folder_error)?.into();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true));
        Ok(MediaStore { objects, folder: Some(folder), part_bytes: LOCAL_PART_BYTES })
    }

    /// A store over any object store, for example one in memory.
    pub fn over(objects: Arc<dyn ObjectStore>) -> MediaStore {
        MediaStore { objects, folder: None, part_bytes: REMOTE_PART_BYTES }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`MediaError::Folder`], faults of the store.
    pub async fn ping(&self) -> Result<(), MediaError> {
        if let Some(folder) = &self.folder {
            let folder_error = |source| MediaError::Folder { folder: folder.display().to_string(), source };
            tokio::fs::metadata(folder).await.map_err(folder_error)?;
        }
        self.objects.list_with_delimiter(None).await?;
        Ok(())
    }

    /// Begins to stream an object in.
    pub fn writer(&self, key: &Key) -> Writer {
        Writer::new(Arc::clone(&self.objects), key.path(), self.part_bytes)
    }

    /// Stores a whole object, in place of one with this key.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), MediaError> {
        self.objects.put(&key.path(), bytes.into()).await?;
        Ok(())
    }

    /// Stores a whole object unless there is one with this key.
    ///
    /// # Errors
    /// [`MediaError::Exists`], faults of the store.
    pub async fn create(&self, key: &Key, chunks: Vec<Bytes>) -> Result<(), MediaError> {
        let payload: PutPayload = chunks.into_iter().collect();
        self.objects.put_opts(&key.path(), payload, PutMode::Create.into()).await?;
        Ok(())
    }

    /// Gives an object another key; removes it if there is one with that key already.
    ///
    /// # Errors
    /// [`MediaError::Exists`], [`MediaError::NotFound`], faults of the store.
    pub async fn move_new(&self, from: &Key, to: &Key) -> Result<(), MediaError> {
        let moved = self.objects.rename_if_not_exists(&from.path(), &to.path()).await;
        if moved.is_err() {
            self.delete(from).await?;
        }
        Ok(moved?)
    }

    /// Size, tag and time of an object.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], faults of the store.
    pub async fn head(&self, key: &Key) -> Result<Head, MediaError> {
        let meta = self.objects.head(&key.path()).await?;
        let modified = SystemTime::from(meta.last_modified);
        let tag = meta.e_tag.unwrap_or_else(|| format!("{:x}", meta.size));
        let tag = tag.trim_start_matches("W/").trim_matches('"');
        Ok(Head { size: meta.size, etag: format!("\"{tag}\""), modified })
    }

    /// The bytes of an object from `range.start` to before `range.end`, or to its end if that comes first.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], faults of the store; a start at or behind the end of the object is one.
    pub async fn read(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, MediaError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.objects.get_opts(&key.path(), options).await?;
        let range = found.range.clone();
        match found.payload {
            // Our own reading of files: that of object_store takes 8 KiB at a time, each by way of another thread.
            GetResultPayload::File(file, _) => {
                let mut file = tokio::fs::File::from_std(file);
                file.seek(SeekFrom::Start(range.start)).await?;
                let part = file.take(range.end - range.start);
                Ok(ReaderStream::with_capacity(part, READ_BYTES).map_err(MediaError::Io).boxed())
            }
            GetResultPayload::Stream(stream) => Ok(stream.map_err(MediaError::from).boxed()),
        }
    }

    /// The first `length` bytes of an object, fewer when it is shorter.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], faults of the store.
    pub async fn read_head(&self, key: &Key, length: usize) -> Result<Vec<u8>, MediaError> {
        if self.head(key).await?.size == 0 {
            return Ok(Vec::new());
        }
        let chunks: Vec<Bytes> = self.read(key, 0..length as u64).await?.try_collect().await?;
        Ok(chunks.concat())
    }

    /// Removes an object; a missing one is fine.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn delete(&self, key: &Key) -> Result<(), MediaError> {
        match self.objects.delete(&key.path()).await.map_err(MediaError::from) {
            Err(MediaError::NotFound) => Ok(()),
            outcome => outcome,
        }
    }

    /// The keys and sizes of the objects below `folder`, in the order of the keys.
    ///
    /// # Errors
    /// [`MediaError::TooMany`] for more than `limit`, faults of the store.
    pub async fn list(&self, folder: &Key, limit: usize) -> Result<Vec<(Key, u64)>, MediaError> {
        let objects = self.objects.list(Some(&folder.path())).take(limit.saturating_add(1));
        let mut found: Vec<(Key, u64)> = objects
            .map(|meta| {
                let meta = meta?;
                Ok::<_, MediaError>((meta.location.as_ref().parse()?, meta.size))
            })
            .try_collect()
            .await?;
        if found.len() > limit {
            return Err(MediaError::TooMany(limit));
        }
        found.sort();
        Ok(found)
    }

    /// The folders right below `folder`, whatever is in them, in no order.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn folders(&self, folder: &Key) -> Result<Vec<Key>, MediaError> {
        let found = self.objects.list_with_delimiter(Some(&folder.path())).await?;
        // What is no key is none of ours.
        Ok(found.common_prefixes.iter().filter_map(|path| path.as_ref().parse().ok()).collect())
    }

    /// Where the object lies on this machine, for programs that want a file; `None` unless the store is a folder.
    pub fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(key.as_str()))
    }

    /// Removes what killed writers left: files that were never finished and not touched for `age`. Returns how
    /// many. Other stores than folders do this by their own rules.
    ///
    /// # Errors
    /// [`MediaError::Io`], [`MediaError::Worker`].
    pub async fn sweep(&self, age: Duration) -> Result<usize, MediaError> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        Ok(tokio::task::spawn_blocking(move || sweep(&folder, age)).await??)
    }
}

/// The local store writes to `<name>#<number>` before it renames; a key can't have such a name.
fn sweep(folder: &Path, age: Duration) -> std::io::Result<usize> {
    let mut removed = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.file_name().to_string_lossy().contains('#') {
                let untouched = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
                if untouched >= age {
                    std::fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn stores() -> (tempfile::TempDir, [MediaStore; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let local = MediaStore::open(&format!("file:{}/new/media", folder.path().display())).unwrap();
        (folder, [local, MediaStore::over(Arc::new(InMemory::new()))])
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    async fn read(store: &MediaStore, name: &str, range: Range<u64>) -> Vec<u8> {
        let chunks: Vec<Bytes> = store.read(&key(name), range).await.unwrap().try_collect().await.unwrap();
        chunks.concat()
    }

    #[test]
    fn other_urls_are_refused_with_the_accepted_form() {
        for url in ["", "file:", "file://host/x", "s3://bucket", "/tmp/x"] {
            let error = MediaStore::open(url).unwrap_err();
            assert!(error.to_string().contains("file:<folder>"), "{url}: {error}");
        }
        assert!(matches!(MediaStore::open("file:/dev/null/x"), Err(MediaError::Folder { .. })));
    }

    #[tokio::test]
    async fn an_object_is_read_by_ranges() {
        let (_folder, stores) = stores();
        for store in stores {
            store.put(&key("videos/a.mp4"), Bytes::from_static(b"0123456789")).await.unwrap();
            assert_eq!(read(&store, "videos/a.mp4", 0..10).await, b"0123456789");
            assert_eq!(read(&store, "videos/a.mp4", 3..5).await, b"34");
            assert_eq!(read(&store, "videos/a.mp4", 8..99).await, b"89");
            assert_eq!(read(&store, "videos/a.mp4", 4..4).await, b"");
            assert_eq!(store.read_head(&key("videos/a.mp4"), 3).await.unwrap(), b"012");
            assert!(store.read(&key("videos/a.mp4"), 10..11).await.is_err());
            let head = store.head(&key("videos/a.mp4")).await.unwrap();
            assert_eq!(head.size, 10);
            assert!(head.etag.starts_with('"') && head.etag.ends_with('"') && head.etag.len() > 2);
            assert!(head.modified <= SystemTime::now() + Duration::from_secs(1));
        }
    }

    #[tokio::test]
    async fn a_missing_object_is_not_found_and_deleting_it_is_fine() {
        let (_folder, stores) = stores();
        for store in stores {
            let missing = key("covers/none.jpg");
            assert!(matches!(store.head(&missing).await, Err(MediaError::NotFound)));
            assert!(matches!(store.read(&missing, 0..1).await.err(), Some(MediaError::NotFound)));
            store.delete(&missing).await.unwrap();
        }
    }

    #[tokio::test]
    async fn create_never_replaces() {
        let (_folder, stores) = stores();
        for store in stores {
            let key = key("uploads/1/0");
            let chunks = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
            store.create(&key, chunks).await.unwrap();
            assert!(matches!(store.create(&key, vec![]).await, Err(MediaError::Exists)));
            assert_eq!(read(&store, "uploads/1/0", 0..9).await, b"abc");
        }
    }

    #[tokio::test]
    async fn moving_never_replaces() {
        let (_folder, stores) = stores();
        for store in stores {
            let (from, to) = (key("uploads/1/a"), key("uploads/1/b"));
            assert!(matches!(store.move_new(&from, &to).await, Err(MediaError::NotFound)));
            store.put(&from, Bytes::from_static(b"one")).await.unwrap();
            store.move_new(&from, &to).await.unwrap();
            assert_eq!(store.list(&key("uploads/1"), 9).await.unwrap(), [(to.clone(), 3)]);
            store.put(&from, Bytes::from_static(b"another")).await.unwrap();
            assert!(matches!(store.move_new(&from, &to).await, Err(MediaError::Exists)));
            assert_eq!(store.list(&key("uploads/1"), 9).await.unwrap(), [(to, 3)]);
            assert_eq!(read(&store, "uploads/1/b", 0..9).await, b"one");
        }
    }

    #[tokio::test]
    async fn lists_are_in_order_and_bounded() {
        let (_folder, stores) = stores();
        for store in stores {
            for name in ["uploads/1/b", "uploads/1/a", "uploads/12/a"] {
                store.put(&key(name), Bytes::from_static(b"xy")).await.unwrap();
            }
            let found = store.list(&key("uploads/1"), 2).await.unwrap();
            assert_eq!(found, [(key("uploads/1/a"), 2), (key("uploads/1/b"), 2)]);
            assert!(store.list(&key("uploads/nothing"), 2).await.unwrap().is_empty());
            assert!(matches!(store.list(&key("uploads/1"), 1).await, Err(MediaError::TooMany(1))));
        }
    }

    #[tokio::test]
    async fn sweeping_removes_only_what_was_never_finished() {
        let (_folder, [store, _]) = stores();
        store.put(&key("videos/a.mp4"), Bytes::from_static(b"x")).await.unwrap();
        let left = store.local_path(&key("videos/b.mp4")).unwrap().with_extension("mp4#1");
        std::fs::write(&left, b"half").unwrap();
        assert_eq!(store.sweep(Duration::from_secs(3600)).await.unwrap(), 0);
        assert_eq!(store.sweep(Duration::ZERO).await.unwrap(), 1);
        assert!(!left.exists());
        assert!(store.head(&key("videos/a.mp4")).await.is_ok());
    }

    #[tokio::test]
    async fn folders_are_told_once_however_much_is_in_them() {
        let (_folder, stores) = stores();
        for store in stores {
            for name in ["uploads/1/a", "uploads/1/b", "uploads/2/a", "uploads/c", "videos/3/a"] {
                store.put(&key(name), Bytes::from_static(b"x")).await.unwrap();
            }
            let mut found = store.folders(&key("uploads")).await.unwrap();
            found.sort();
            assert_eq!(found, [key("uploads/1"), key("uploads/2")]);
        }
    }
}
