//! The part of a bucket that is one site's.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Once,
};

use super::servers::variable;
use crate::{relay::Relay, unique};

const PREFIX: &str = "site";

/// Whether media are in a bucket, by `FANONE_TEST_MEDIA`.
pub fn is_bucket() -> bool {
    match env::var("FANONE_TEST_MEDIA").as_deref() {
        Ok("folder") | Err(_) => false,
        Ok("s3") => true,
        Ok(other) => panic!("FANONE_TEST_MEDIA is `folder` or `s3`, not `{other}`"),
    }
}

/// The objects of a site on the S3 server for tests, which keeps each as a file. They are removed with the value; what a
/// test run leaves is removed at the start of the next.
pub(crate) struct Bucket {
    /// What the site is told.
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    /// Lies between the site and the server.
    pub(crate) relay: Relay,
}

impl Bucket {
    /// A new one, if media are in a bucket.
    pub(crate) fn of_run() -> Option<Self> {
        static SWEEP: Once = Once::new();
        if !is_bucket() {
            return None;
        }
        let (url, folder) = (variable("FANONE_TEST_S3", "s3"), variable("FANONE_TEST_S3_FOLDER", "s3"));
        let folder = PathBuf::from(folder);
        SWEEP.call_once(|| sweep(&folder));
        let (place, server) = url.split_once("?endpoint=").expect("an S3 URL with its server");
        let (_, port) = server.rsplit_once(':').expect("a server with its port");
        let relay = Relay::start(vec![port.parse().expect("a port")]);
        let own = unique(PREFIX);
        Some(Self {
            url: format!("{place}/{own}?endpoint=http://127.0.0.1:{}", relay.port()),
            folder: folder.join(own),
            relay,
        })
    }

    /// The secret in the URL.
    pub(crate) fn secret(&self) -> String {
        let keys = self.url.rsplit_once('@').map(|(keys, _)| keys);
        let secret = keys.and_then(|keys| keys.rsplit_once(':'));
        secret.expect("an S3 URL with its keys").1.to_owned()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if env::var_os("FANONE_TEST_KEEP").is_none() {
            fs::remove_dir_all(&self.folder).ok();
        }
    }
}

/// Removes what test processes that are gone have left.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
        let owner = owner.and_then(|pid| u32::from_str_radix(pid, 16).ok());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
