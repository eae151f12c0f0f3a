//! Several processes at one upload, with no lock between them.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::testing::stores;

const UPLOAD: Id = Id(77);
const LENGTH: u64 = 400;

/// An append that was acknowledged: from where, and which bytes.
type Kept = (u64, Vec<u8>);

/// Right unless it is told to be wrong.
struct Told(bool);

impl Checksum for Told {
    fn update(&mut self, _chunk: &[u8]) {}

    fn fits(&mut self) -> bool {
        self.0
    }
}

/// Appends bytes of its own until the upload is whole, in all the ways that there are.
async fn append_all(segments: Segments, own: u8) -> Vec<Kept> {
    let mut random = StdRng::seed_from_u64(u64::from(own));
    let mut kept = Vec::new();
    loop {
        let offset = segments.offset(UPLOAD).await.unwrap();
        if offset == LENGTH {
            return kept;
        }
        let bytes: Vec<u8> =
            (0..random.random_range(1..50)).map(|_| random.random_range(own..own + 20)).collect();
        let mut chunks: Vec<Result<Bytes, BoxError>> =
            bytes.chunks(7).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        if random.random_bool(0.2) {
            chunks.push(Err("connection reset".into()));
        }
        let stream = futures::stream::iter(chunks).then(async |chunk| {
            tokio::task::yield_now().await;
            chunk
        });
        let checksum: Option<Box<dyn Checksum>> = match random.random_range(0..6) {
            0 => Some(Box::new(Told(false))),
            1 => Some(Box::new(Told(true))),
            _ => None,
        };
        match segments.append(UPLOAD, offset, LENGTH, stream.boxed(), checksum).await {
            Ok(appended) => {
                let some = usize::try_from(appended.offset - offset).unwrap();
                kept.push((offset, bytes[..some].to_vec()));
            }
            Err(SegmentError::Media(error)) => panic!("{error:?}"),
            Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_in_the_file_whoever_else_appends() {
    let (_folder, stores) = stores();
    // The S3 server for tests looks for the object first and writes it then, which is no condition at all in a race.
    for store in stores.into_iter().filter(|store| !store.is_bucket()) {
        let processes = [b'\0', b'@', b'\x80', b'\xc0'].map(|own| {
            let segments = Segments::new(store.clone(), 10);
            tokio::spawn(append_all(segments, own))
        });
        let all = tokio::time::timeout(Duration::from_secs(60), futures::future::try_join_all(processes));
        let kept = all.await.expect("the upload becomes whole").unwrap().concat();
        let key: Key = "videos/a.mp4".parse().unwrap();
        Segments::new(store.clone(), 10).concat(UPLOAD, LENGTH, &key).await.unwrap();
        let file = store.read_head(&key, 1000).await.unwrap();
        assert_eq!(file.len() as u64, LENGTH);
        for (offset, bytes) in kept {
            let start = usize::try_from(offset).unwrap();
            assert_eq!(file[start..start + bytes.len()], bytes, "at {offset}");
        }
    }
}
