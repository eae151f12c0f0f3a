//! The store of media objects: a folder on disk or a bucket of S3, behind one type.
//!
//! An object is written under a key that is used once, so it never changes: readers may cache it for ever.
//! The local store writes beside the final name, syncs the file and its folder to disk and then renames, so what
//! was acknowledged is there after a power cut, and half an object is never seen. In a bucket, an object appears when all
//! of it is there.

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

use crate::s3::Bucket;
use crate::{Folder, Key, MediaError, Writer};

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
    place: Place,
    part_bytes: usize,
}

/// Where the objects are.
#[derive(Clone, Debug)]
enum Place {
    Folder(Arc<Path>),
    Bucket(Arc<Bucket>),
    Elsewhere,
}

impl MediaStore {
    /// The store behind `media.url`: `file:FOLDER`, which is made when it is not there, or `s3://BUCKET`, of which
    /// [`MediaStore::check`] says whether it is there. A bucket has `timeout` for the answer to a request, beside the time of
    /// its bytes.
    ///
    /// # Errors
    /// [`MediaError::UnknownUrl`], [`MediaError::Folder`], faults of the store.
    pub fn open(url: &str, timeout: Duration) -> Result<MediaStore, MediaError> {
        if url.starts_with("s3:") {
            let bucket = Bucket::open(url, timeout)?;
            let objects = Arc::new(bucket.objects.clone());
            return Ok(MediaStore {
                objects,
                place: Place::Bucket(bucket.into()),
                part_bytes: REMOTE_PART_BYTES,
            });
        }
        let path = url.strip_prefix("file:").ok_or(MediaError::UnknownUrl)?;
        let path = match path.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            None if !path.is_empty() => path,
            _ => return Err(MediaError::UnknownUrl), // nothing at all, or a host's name
        };
        let folder_error = |source| MediaError::Folder { folder: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(folder_error)?;
        let folder: Arc<Path> = std::fs::canonicalize(path).map_err(folder_error)?.into();
        let objects = Arc::new(LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true));
        Ok(MediaStore { objects, place: Place::Folder(folder), part_bytes: LOCAL_PART_BYTES })
    }

    /// A store over any object store, for example one in memory.
    pub fn over(objects: Arc<dyn ObjectStore>) -> MediaStore {
        MediaStore { objects, place: Place::Elsewhere, part_bytes: REMOTE_PART_BYTES }
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`MediaError::Folder`], [`MediaError::NoBucket`], [`MediaError::Credentials`], faults of the store.
    pub async fn ping(&self) -> Result<(), MediaError> {
        match &self.place {
            Place::Folder(folder) => {
                let folder_error =
                    |source| MediaError::Folder { folder: folder.display().to_string(), source };
                tokio::fs::metadata(folder).await.map_err(folder_error)?;
            }
            Place::Bucket(bucket) => return bucket.ping(&probe()?).await,
            Place::Elsewhere => {}
        }
        self.objects.list_with_delimiter(None).await?;
        Ok(())
    }

    /// Whether the store answers, and a bucket also lets us do what we must: make an object where there is none, not
    /// make it where there is one, remove it.
    ///
    /// # Errors
    /// As [`MediaStore::ping`]; [`MediaError::Unconditional`].
    pub async fn check(&self) -> Result<(), MediaError> {
        self.ping().await?;
        if !self.is_bucket() {
            return Ok(());
        }
        let probe = probe()?;
        let once = || vec![Bytes::from_static(b"probe")];
        self.create(&probe, once()).await?;
        let again = self.create(&probe, once()).await;
        self.delete(&probe).await?;
        match again {
            Err(MediaError::Exists) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(MediaError::Unconditional),
        }
    }

    /// Whether objects are in a bucket, where nothing can be moved.
    pub(crate) const fn is_bucket(&self) -> bool {
        matches!(self.place, Place::Bucket(_))
    }

    /// A URL under which anybody reads the object from the bucket itself, for as long as it lives; `None` where there is
    /// no bucket.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn signed_url(&self, key: &Key, lives: Duration) -> Result<Option<String>, MediaError> {
        match &self.place {
            Place::Bucket(bucket) => bucket.signed_url(key, lives).await.map(Some),
            Place::Folder(_) | Place::Elsewhere => Ok(None),
        }
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

    /// Gives an object another key; removes it if there is one with that key already. Not in a bucket.
    ///
    /// # Errors
    /// [`MediaError::Exists`], [`MediaError::NotFound`], faults of the store.
    pub(crate) async fn move_new(&self, from: &Key, to: &Key) -> Result<(), MediaError> {
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

    /// Removes objects, many at a time where the store can do that; missing ones are fine.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn delete_all(&self, keys: Vec<Key>) -> Result<(), MediaError> {
        let paths = futures::stream::iter(keys.into_iter().map(|key| Ok(key.path())));
        let mut removed = self.objects.delete_stream(paths.boxed());
        while let Some(outcome) = removed.next().await {
            match outcome.map_err(MediaError::from) {
                Ok(_) | Err(MediaError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
        match &self.place {
            Place::Folder(folder) => Some(folder.join(key.as_str())),
            Place::Bucket(_) | Place::Elsewhere => None,
        }
    }

    /// Removes what killed writers left: files that were never finished and not touched for `age`. Returns how
    /// many. A bucket does this by a rule of its own for multipart uploads.
    ///
    /// # Errors
    /// [`MediaError::Io`], [`MediaError::Worker`].
    pub async fn sweep(&self, age: Duration) -> Result<usize, MediaError> {
        let Place::Folder(folder) = self.place.clone() else { return Ok(0) };
        Ok(tokio::task::spawn_blocking(move || sweep(&folder, age)).await??)
    }
}

/// A key in the folder of uploads that belongs to no upload.
fn probe() -> Result<Key, MediaError> {
    Key::beside(Folder::Uploads.name(), "probe")
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
mod tests;
