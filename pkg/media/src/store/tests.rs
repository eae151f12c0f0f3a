//! What a store promises, in a folder, in memory and on S3.

use super::*;
use crate::testing::{bucket, open, stores};

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn read(store: &MediaStore, name: &str, range: Range<u64>) -> Vec<u8> {
    let chunks: Vec<Bytes> = store.read(&key(name), range).await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

#[test]
fn other_urls_are_refused_with_the_accepted_form() {
    for url in ["", "file:", "file://host/x", "s3://", "s3://bucket?zone=1", "/tmp/x"] {
        let error = open(url).unwrap_err();
        assert!(error.to_string().contains("file:FOLDER, s3://"), "{url}: {error}");
    }
    assert!(matches!(open("file:/dev/null/x"), Err(MediaError::Folder { .. })));
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
    for store in stores.into_iter().filter(|store| !store.is_bucket()) {
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
    let (_folder, stores) = stores();
    let store = stores.first().unwrap();
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

#[tokio::test]
async fn objects_are_removed_together_and_missing_ones_are_fine() {
    let (_folder, stores) = stores();
    for store in stores {
        let keys: Vec<Key> = (0..20).map(|number| key(&format!("uploads/1/{number}"))).collect();
        for key in keys.iter().skip(1) {
            store.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        store.delete_all(keys).await.unwrap();
        assert!(store.list(&key("uploads"), 9).await.unwrap().is_empty());
        store.delete_all(Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_works_passes_its_check_and_keeps_nothing_of_it() {
    let (_folder, stores) = stores();
    for store in stores {
        store.check().await.unwrap();
        assert!(store.list(&key("uploads"), 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_and_wrong_credentials_are_told_apart() {
    let Some((url, _)) = bucket() else { return };
    let checked = async |url: &str| open(url).unwrap().check().await.unwrap_err();
    let (scheme, rest) = url.split_once("://").unwrap();
    let ((keys, place), (_, options)) = (rest.split_once('@').unwrap(), rest.split_once('?').unwrap());
    let missing = checked(&format!("{scheme}://{keys}@no-such-bucket?{options}")).await;
    assert!(matches!(&missing, MediaError::NoBucket { bucket } if bucket == "no-such-bucket"), "{missing:?}");
    let (name, _) = keys.split_once(':').unwrap();
    let wrong = checked(&format!("{scheme}://{name}:hunter2@{place}")).await;
    assert!(matches!(wrong, MediaError::Credentials(_)), "{wrong:?}");
    let nobody = checked("s3://key:hunter2@media?endpoint=http://127.0.0.1:1").await;
    assert!(matches!(nobody, MediaError::Unavailable(_)), "{nobody:?}");
    for error in [missing, wrong, nobody] {
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn only_a_bucket_has_urls_of_its_own() {
    let (_folder, stores) = stores();
    for store in stores {
        let url = store.signed_url(&key("videos/a.mp4"), Duration::from_secs(60)).await.unwrap();
        assert_eq!(url.is_some(), store.is_bucket());
        assert!(url.is_none_or(|url| url.contains("/videos/a.mp4?") && url.contains("X-Amz-Expires=60")));
    }
}
