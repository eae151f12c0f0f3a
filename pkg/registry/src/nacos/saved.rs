//! What was known last, on disk, so that a start needs no Nacos: a line `SERVICE ADDRESS WEIGHT` for each instance.

use std::{fmt::Write as _, fs, io, path::Path, sync::Arc};

use super::Shared;
use crate::{
    Instance,
    table::{Place, Table},
};

const FILE: &str = "instances";

/// Fills the table with what an earlier process has written down.
pub(super) fn load(folder: &Path, table: &Table) {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text.lines().filter_map(read).for_each(|instance| table.put(&instance)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, folder = %folder.display(), "registry.not_loaded"),
    }
}

/// Writes the table down whenever it has changed.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        shared.to_save.notified().await;
        let (folder, list) = (shared.folder(), shared.table.list());
        let saved = tokio::task::spawn_blocking(move || save(&folder, &list)).await;
        if let Ok(Err(error)) = saved {
            tracing::warn!(%error, "registry.not_saved");
        }
    }
}

/// In one step, so that nobody reads half of it. Processes that share a folder know the same.
fn save(folder: &Path, list: &[(String, Place)]) -> io::Result<()> {
    let mut text = String::new();
    for (service, (address, weight)) in list {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{service} {address} {weight}");
    }
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("{FILE}.{}", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(new, folder.join(FILE))
}

fn read(line: &str) -> Option<Instance> {
    let mut words = line.split(' ');
    let (service, address, weight) =
        (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Instance { weight, ..Instance::new(service, address) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_a_broken_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::default();
        load(folder.path(), &table);
        assert!(table.list().is_empty());
        let list = [
            ("a".to_owned(), ("127.0.0.1:1".parse().unwrap(), 10)),
            ("b".to_owned(), ("[::1]:2".parse().unwrap(), 5)),
        ];
        save(&folder.path().join("deep"), &list).unwrap();
        let file = folder.path().join("deep").join(FILE);
        fs::write(&file, fs::read_to_string(&file).unwrap() + "c 127.0.0.1 1\n\nd\n").unwrap();
        load(&folder.path().join("deep"), &table);
        assert_eq!(table.list(), list);
    }
}
