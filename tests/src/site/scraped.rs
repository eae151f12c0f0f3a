//! Lets a Prometheus collect from the sites of a test run.

use std::{env, fs, path::PathBuf, thread, time::Duration};

use serde_json::json;

use crate::{instance::Instance, unique};

/// A Prometheus takes up new targets every 5 s, and then collects every second.
const NOTICED: Duration = Duration::from_secs(8);

/// Says where the metrics of a site are, in a file of the folder `FANONE_TEST_TARGETS`, if there is one; for as long as
/// the value lives.
pub(super) struct Scraped(PathBuf);

impl Scraped {
    pub(super) fn announce(instances: &[Instance]) -> Option<Self> {
        let folder = PathBuf::from(env::var_os("FANONE_TEST_TARGETS")?);
        let target = |one: &Instance| {
            let place = format!("127.0.0.1:{}", one.admin_port);
            json!({ "targets": [place], "labels": { "role": one.role.unwrap_or("all") } })
        };
        let targets: Vec<_> = instances.iter().map(target).collect();
        let file = folder.join(unique("site")).with_extension("json");
        let half_written = file.with_extension("new");
        fs::write(&half_written, json!(targets).to_string()).expect("write the targets");
        fs::rename(&half_written, &file).expect("show the targets");
        Some(Self(file))
    }
}

impl Drop for Scraped {
    fn drop(&mut self) {
        thread::sleep(NOTICED);
        fs::remove_file(&self.0).ok();
    }
}
