//! What an upload promises, in a folder, in memory and on S3.

use super::*;
use crate::testing::{Guard, stores};

const UPLOAD: Id = Id(77);
const SEGMENT: usize = 10;

fn uploads() -> (Guard, Vec<Segments>) {
    let (guard, stores) = stores();
    (guard, stores.into_iter().map(|store| Segments::new(store, SEGMENT)).collect())
}

fn whole(text: &str) -> ChunkStream {
    let chunks: Vec<_> = text.as_bytes().chunks(7).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
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
        let second = uploads.append(UPLOAD, 16, 40, whole("fox jumps over the dog !"), None).await.unwrap();
        assert_eq!((second.offset, second.broken.is_none()), (40, true));
        assert_eq!(uploads.first_bytes(UPLOAD, 19).await.unwrap(), b"The quick brown fox");
        assert_eq!(content(&uploads, 40).await, b"The quick brown fox jumps over the dog !");
    }
}

#[tokio::test]
async fn a_new_process_finds_the_offset_in_the_store() {
    let (_folder, stores) = uploads();
    for uploads in stores {
        uploads.append(UPLOAD, 0, 40, whole("0123456789abc"), None).await.unwrap();
        let other = Segments::new(uploads.store.clone(), SEGMENT);
        assert_eq!(other.offset(UPLOAD).await.unwrap(), 13);
        assert_eq!(other.offset(Id(7)).await.unwrap(), 0);
    }
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
async fn an_append_with_bytes_beyond_the_length_is_refused_and_never_makes_the_upload_whole() {
    let (_folder, stores) = uploads();
    for uploads in stores {
        uploads.append(UPLOAD, 0, 30, whole("0123"), None).await.unwrap();
        let long = "x".repeat(27);
        let refused = uploads.append(UPLOAD, 4, 30, whole(&long), sum(&long)).await;
        assert!(matches!(refused, Err(SegmentError::TooLong(30))));
        assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 4);
        let refused = uploads.append(UPLOAD, 4, 30, whole(&long), None).await;
        assert!(matches!(refused, Err(SegmentError::TooLong(30))));
        let offset = uploads.offset(UPLOAD).await.unwrap();
        assert!((4..30).contains(&offset), "{offset}");
        let rest = "x".repeat(30 - usize::try_from(offset).unwrap());
        assert_eq!(uploads.append(UPLOAD, offset, 30, whole(&rest), None).await.unwrap().offset, 30);
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
        assert_eq!(uploads.store.list(&"uploads/77".parse().unwrap(), 9).await.unwrap().len(), 1);
        assert_eq!(uploads.append(UPLOAD, 4, 50, whole(text), sum(text)).await.unwrap().offset, 30);
        assert_eq!(content(&uploads, 30).await, b"0123abcdefghijklmnopqrstuvwxyz");
    }
}

#[tokio::test]
async fn what_a_killed_append_left_beside_the_run_never_counts() {
    let (_folder, stores) = uploads();
    for uploads in stores {
        let stray: Key = "uploads/77/beside.0123456789abcdef".parse().unwrap();
        uploads.store.put(&stray, Bytes::from_static(b"unverified")).await.unwrap();
        assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 0);
        assert_eq!(uploads.append(UPLOAD, 0, 40, whole("0123456789"), None).await.unwrap().offset, 10);
        assert_eq!(content(&uploads, 10).await, b"0123456789");
        uploads.remove(UPLOAD).await.unwrap();
        assert!(uploads.store.list(&"uploads".parse().unwrap(), 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_file_that_was_put_together_is_not_replaced() {
    let (_folder, stores) = uploads();
    for uploads in stores {
        let key: Key = "videos/a.mp4".parse().unwrap();
        for text in ["first", "other"] {
            uploads.append(UPLOAD, 0, 5, whole(text), None).await.unwrap();
            uploads.concat(UPLOAD, 5, &key).await.unwrap();
            uploads.remove(UPLOAD).await.unwrap();
            assert_eq!(uploads.store.read_head(&key, 9).await.unwrap(), b"first");
        }
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
    let (_folder, stores) = uploads();
    let uploads = stores.first().unwrap();
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
    let (_folder, stores) = uploads();
    for uploads in stores {
        uploads.append(UPLOAD, 0, 40, whole("0123456789abc"), None).await.unwrap();
        uploads.remove(UPLOAD).await.unwrap();
        uploads.remove(UPLOAD).await.unwrap();
        assert_eq!(uploads.offset(UPLOAD).await.unwrap(), 0);
        let folder = uploads.store.local_path(&"uploads/77".parse().unwrap());
        assert!(folder.is_none_or(|folder| !folder.exists()));
    }
}
