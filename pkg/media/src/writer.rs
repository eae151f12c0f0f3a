//! Streams one object into the store, with a bounded part of it in memory.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use crate::{MediaError, pieces::Pieces};

/// Streams one object in. Nothing is visible before [`Writer::finish`] returns; dropped before, it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    part_bytes: usize,
    /// What is not yet sent: less than one part.
    buffer: Pieces,
    /// Begun with the first whole part: a small object is stored in one go.
    upload: Option<Box<dyn MultipartUpload>>,
    written: u64,
}

impl Writer {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, path: Path, part_bytes: usize) -> Writer {
        Writer { objects, path, part_bytes, buffer: Pieces::default(), upload: None, written: 0 }
    }

    /// Takes the next bytes; waits while a full part is sent. After an error the object can't be finished.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), MediaError> {
        self.written += bytes.len() as u64;
        while self.buffer.len() + bytes.len() >= self.part_bytes {
            // S3 wants all parts but the last of one size.
            self.buffer.push(bytes.split_to(self.part_bytes - self.buffer.len()));
            self.send().await?;
        }
        if !bytes.is_empty() {
            self.buffer.push(bytes);
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), MediaError> {
        let payload = self.take_buffer();
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.objects.put_multipart(&self.path).await?),
        };
        Ok(upload.put_part(payload).await?)
    }

    fn take_buffer(&mut self) -> PutPayload {
        self.buffer.take().into_iter().collect()
    }

    /// Makes the object visible and durable, in place of one with this key. Returns its size in bytes.
    ///
    /// # Errors
    /// Faults of the store; the object is not there then.
    pub async fn finish(mut self) -> Result<u64, MediaError> {
        if self.upload.is_none() {
            let payload = self.take_buffer();
            self.objects.put(&self.path, payload).await?;
            return Ok(self.written);
        }
        if self.buffer.len() > 0 {
            self.send().await?;
        }
        if let Some(upload) = &mut self.upload {
            upload.complete().await?;
        }
        self.upload = None; // only now: until it is complete, dropping the writer takes it back
        Ok(self.written)
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// Faults of the store; the object is not visible in any case.
    pub async fn abort(mut self) -> Result<(), MediaError> {
        match self.upload.take() {
            Some(mut upload) => Ok(upload.abort().await?),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    /// S3 keeps (and bills) the parts of an upload until it is told to forget them.
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let path = self.path.clone();
        runtime.spawn(async move {
            if let Err(error) = upload.abort().await {
                tracing::debug!(%path, %error, "media.write.not_taken_back");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use crate::testing::{bucket, open, stores};
    use crate::{Key, MediaStore};

    use super::*;

    fn part(length: usize, byte: u8) -> Bytes {
        vec![byte; length].into()
    }

    fn local() -> (tempfile::TempDir, MediaStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&format!("file:{}", folder.path().display())).unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn pieces_of_any_size_become_one_object() {
        let (_folder, stores) = stores();
        for store in stores {
            let key: Key = "videos/a.mp4".parse().unwrap();
            for pieces in [vec![], vec![5], vec![1 << 20], vec![700_000, 9_000_000, 0, 1, 3 << 20]] {
                let mut writer = store.writer(&key);
                for (number, length) in pieces.iter().enumerate() {
                    writer.write(part(*length, number as u8)).await.unwrap();
                }
                let expected: Vec<u8> = pieces
                    .iter()
                    .enumerate()
                    .flat_map(|(number, length)| vec![number as u8; *length])
                    .collect();
                assert_eq!(writer.finish().await.unwrap(), expected.len() as u64);
                assert!(store.read_head(&key, usize::MAX >> 1).await.unwrap() == expected, "{pieces:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_object_is_invisible_until_it_is_finished() {
        let (folder, store) = local();
        let key: Key = "videos/a.mp4".parse().unwrap();
        let mut writer = store.writer(&key);
        writer.write(part(3 << 20, 1)).await.unwrap();
        assert!(matches!(store.head(&key).await, Err(MediaError::NotFound)));
        assert!(store.list(&"videos".parse().unwrap(), 9).await.unwrap().is_empty());
        writer.abort().await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path().join("videos")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_dropped_writer_leaves_nothing() {
        let (folder, store) = local();
        let mut writer = store.writer(&"videos/a.mp4".parse().unwrap());
        writer.write(part(3 << 20, 1)).await.unwrap();
        drop(writer);
        while std::fs::read_dir(folder.path().join("videos")).unwrap().count() > 0 {
            tokio::task::yield_now().await; // it is taken back by a task of its own
        }
    }
    #[tokio::test]
    async fn what_was_sent_to_a_bucket_is_taken_back_with_the_writer() {
        let Some((url, folder)) = bucket() else { return };
        let (store, key) = (open(&url).unwrap(), "videos/a.mp4".parse::<Key>().unwrap());
        // The server for tests keeps parts and a record of each unfinished upload at the top of all buckets.
        let root = folder.parent().and_then(std::path::Path::parent).unwrap();
        let object = format!("{}/{key}", folder.file_name().unwrap().display());
        let record = format!("object-{}.upload-", URL_SAFE_NO_PAD.encode(object));
        let is_known = || {
            let mut files = std::fs::read_dir(root).unwrap();
            files.any(|file| file.unwrap().file_name().to_string_lossy().contains(&record))
        };
        let begun = async || {
            let mut writer = store.writer(&key);
            writer.write(part(9 << 20, 1)).await.unwrap();
            assert!(is_known());
            assert!(matches!(store.head(&key).await, Err(MediaError::NotFound)));
            writer
        };
        begun().await.abort().await.unwrap();
        assert!(!is_known());
        drop(begun().await);
        while is_known() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await; // by a task of its own
        }
    }
}
