//! The folder of one site: its data and its log.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Once,
};

const PREFIX: &str = "fanone-test-";
/// What a site prints.
const LOG: &str = "log.txt";
/// How many of its complaints are shown with a failing test.
const SHOWN: usize = 40;

/// A folder below the system's temporary one, removed with the value. A shared site lives in a
/// static and is never dropped: the next test run sweeps what such runs left.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create() -> Self {
        static SWEEP: Once = Once::new();
        SWEEP.call_once(sweep);
        let name = crate::unique(&format!("{PREFIX}{}", std::process::id()));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("make the folder of a site");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file in which all that the site prints is kept.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.0.join(LOG)
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// The last lines in which the site complains of something.
    fn complaints(&self) -> Vec<String> {
        let log = self.log();
        let complains = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        let mut lines: Vec<String> =
            log.lines().rev().filter(complains).take(SHOWN).map(str::to_owned).collect();
        lines.reverse();
        lines
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("of the site's log:\n{}", self.complaints().join("\n"));
        }
        if std::env::var_os("FANONE_TEST_KEEP").is_none() {
            // What can't be removed now is swept by a later run.
            fs::remove_dir_all(&self.0).ok();
        }
    }
}

/// Removes the folders of test processes that are gone.
fn sweep() {
    if std::env::var_os("FANONE_TEST_KEEP").is_some() {
        return;
    }
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).map(str::to_owned);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Every file below `folder`, with its size in bytes; none if there is no such folder.
pub(crate) fn files_below(folder: &Path) -> Vec<(PathBuf, u64)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        match entry.metadata() {
            Ok(found) if found.is_dir() => files.extend(files_below(&entry.path())),
            Ok(found) => files.push((entry.path(), found.len())),
            Err(_) => {}
        }
    }
    files.sort();
    files
}
