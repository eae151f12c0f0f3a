//! What was last read from a server, for a start without it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::folder;

/// A folder with the documents that were last in force.
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn below(data_dir: &Path) -> Self {
        Self(data_dir.join("live"))
    }

    /// A document that was kept; empty if none was.
    pub(crate) async fn read(&self, name: &str) -> String {
        folder::read(&self.0, name).await.unwrap_or_default()
    }

    /// Keeps a document; one without a text is removed.
    pub(crate) async fn write(&self, name: &str, text: &str) {
        if let Err(error) = self.try_write(name, text).await {
            tracing::warn!(%error, document = name, "a document can't be kept for the next start");
        }
    }

    async fn try_write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.0.join(name);
        if text.is_empty() {
            return match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        tokio::fs::create_dir_all(&self.0).await?;
        // Processes of one role may share the folder.
        let half = self.0.join(format!("{name}.{}", std::process::id()));
        tokio::fs::write(&half, text).await?;
        tokio::fs::rename(&half, &path).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_kept_is_there_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::below(folder.path());
        assert_eq!(kept.read("a").await, "");
        kept.write("a", "text").await;
        kept.write("a", "other").await;
        assert_eq!(Kept::below(folder.path()).read("a").await, "other");
        kept.write("a", "").await;
        kept.write("a", "").await;
        assert_eq!(kept.read("a").await, "");
        assert_eq!(std::fs::read_dir(folder.path().join("live")).unwrap().count(), 0);
    }
}
