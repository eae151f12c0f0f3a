//! The stores that tests run on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use tempfile::TempDir;

use crate::{MediaError, MediaStore};

/// What the files of a store are in.
pub(crate) struct Guard {
    _folder: TempDir,
    /// The part of the bucket that is this test's.
    bucket: Option<PathBuf>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(bucket) = &self.bucket {
            std::fs::remove_dir_all(bucket).ok();
        }
    }
}

/// The store behind a URL, with patience for a busy machine.
pub(crate) fn open(url: &str) -> Result<MediaStore, MediaError> {
    MediaStore::open(url, Duration::from_secs(30))
}

/// Empty stores: a folder, one in memory and, with `FANONE_TEST_MEDIA=s3`, a part of the bucket that
/// `scripts/servers up s3` made.
pub(crate) fn stores() -> (Guard, Vec<MediaStore>) {
    let folder = tempfile::tempdir().unwrap();
    let local = open(&format!("file:{}/new/media", folder.path().display())).unwrap();
    let mut stores = vec![local, MediaStore::over(Arc::new(InMemory::new()))];
    let place = bucket();
    if let Some((url, _)) = &place {
        stores.push(open(url).unwrap());
    }
    (Guard { _folder: folder, bucket: place.map(|(_, folder)| folder) }, stores)
}

/// A URL of a part of the bucket that is nobody else's, and the folder in which the server keeps it.
pub(crate) fn bucket() -> Option<(String, PathBuf)> {
    std::env::var("FANONE_TEST_MEDIA").is_ok_and(|media| media == "s3").then(|| {
        let (url, folder) = (server("FANONE_TEST_S3"), PathBuf::from(server("FANONE_TEST_S3_FOLDER")));
        let own = format!("unit_{:032x}", rand::random::<u128>());
        let (place, options) = url.split_once('?').unwrap();
        (format!("{place}/{own}?{options}"), folder.join(own))
    })
}

/// A line of the file that `scripts/servers` writes.
fn server(name: &str) -> String {
    let folder = std::env::var_os("FANONE_SERVERS_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.cache/servers"),
        PathBuf::from,
    );
    let lines = std::fs::read_to_string(folder.join("env")).unwrap_or_default();
    let value = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name}: run scripts/servers up s3")).to_owned()
}
