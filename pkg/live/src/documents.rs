//! Named documents, looked at again and again.

use std::{io, path::Path, path::PathBuf, time::Duration};

use fanone_config::ConfigUrl;
use fanone_telemetry::{chain, names};
use futures::future::try_join_all;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::{
    folder,
    kept::Kept,
    nacos::{Nacos, PAUSE},
};

/// How often all documents are looked at. A Nacos tells of most changes before that, but neither of a document that was
/// not there nor of one that has gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(1000);
/// A document that seems to have gone is looked for once more, after this time: it may be on its way from one place to
/// another, and a Nacos may say so for a moment where it was just published.
const SURE_AFTER: Duration = Duration::from_millis(300);

/// Why documents can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder, or a file in it.
    #[error("{}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The Nacos says no, or is not there.
    #[error("Nacos does not give a document")]
    Nacos(#[source] Box<nacos_sdk::api::error::Error>),
    /// The Nacos says nothing.
    #[error("Nacos does not answer within {0:?}")]
    Silence(Duration),
}

/// A document that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its text; empty if it is not there.
    pub text: String,
}

enum Source {
    Folder(PathBuf),
    Nacos(Box<Nacos>),
}

impl Source {
    /// The text of a document; empty if it is not there.
    async fn fetch(&self, name: &str) -> Result<String, SourceError> {
        match self {
            Self::Folder(folder) => folder::read(folder, name).await,
            Self::Nacos(nacos) => nacos.fetch(name).await,
        }
    }

    /// How long nothing is asked after a failure.
    const fn pause(&self) -> Duration {
        match self {
            Self::Folder(_) => LOOK_INTERVAL,
            Self::Nacos(_) => PAUSE,
        }
    }

    /// Waits until a document is said to have changed.
    async fn told(&self) {
        match self {
            Self::Folder(_) => std::future::pending().await,
            Self::Nacos(nacos) => nacos.told().await,
        }
    }
}

/// Documents of these names, and what they held when they were last looked at.
pub struct Documents {
    source: Source,
    kept: Kept,
    seen: Vec<Found>,
    looks: Interval,
    is_away: bool,
}

impl Documents {
    /// Documents at `url`; none if that is nowhere. Nothing is asked yet. What came from a server is kept below `data_dir`,
    /// for a start without it.
    pub fn open(url: &ConfigUrl, names: Vec<String>, data_dir: &Path) -> Option<Self> {
        // A dashboard shows it also where there are none.
        metrics::gauge!(names::CONFIG_AWAY).set(0.0);
        let source = match url {
            ConfigUrl::None => return None,
            ConfigUrl::Folder(folder) => Source::Folder(folder.clone()),
            ConfigUrl::Nacos(url) => Source::Nacos(Box::new(Nacos::new(url, &names, data_dir))),
        };
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seen = names.into_iter().map(|name| Found { name, text: String::new() }).collect();
        Some(Self { source, kept: Kept::below(data_dir), seen, looks, is_away: false })
    }

    /// What can be had without waiting for anybody: the files of a folder, or what was kept of a server's documents.
    pub async fn first(&mut self) -> Vec<Found> {
        if matches!(self.source, Source::Folder(_)) {
            // A folder that can't be read is told of by the next look.
            return self.look().await.unwrap_or_default();
        }
        let mut found = Vec::new();
        for document in &mut self.seen {
            document.text = self.kept.read(&document.name).await;
            found.extend((!document.text.is_empty()).then(|| document.clone()));
        }
        found
    }

    /// Looks at all documents, and gives those that are not as they were.
    ///
    /// # Errors
    ///
    /// One of them can't be read. Then none counts as looked at.
    pub async fn look(&mut self) -> Result<Vec<Found>, SourceError> {
        // Side by side: one after the other, on a busy server, the last one would be seen late.
        let texts = try_join_all(self.seen.iter().map(|document| self.text_now(document))).await?;
        let mut found = Vec::new();
        for (document, text) in self.seen.iter_mut().zip(texts) {
            if document.text != text {
                document.text = text;
                found.push(document.clone());
            }
        }
        Ok(found)
    }

    async fn text_now(&self, document: &Found) -> Result<String, SourceError> {
        let text = self.source.fetch(&document.name).await?;
        if !text.is_empty() || document.text.is_empty() {
            return Ok(text);
        }
        sleep(SURE_AFTER).await;
        self.source.fetch(&document.name).await
    }

    /// Waits for documents that are not as they were. While they can't be read nothing has changed; that is logged when it
    /// begins and when it ends.
    pub async fn next(&mut self) -> Vec<Found> {
        loop {
            tokio::select! {
                _ = self.looks.tick() => {}
                () = self.source.told() => {}
            }
            let outcome = self.look().await;
            self.note(outcome.as_ref().err());
            match outcome {
                Ok(found) if !found.is_empty() => return found,
                Ok(_) => {}
                Err(_noted) => self.looks.reset_after(self.source.pause()),
            }
        }
    }

    /// Keeps a document that proved good, for a start without its server.
    pub async fn keep(&self, document: &Found) {
        if let Source::Nacos(_) = self.source {
            self.kept.write(&document.name, &document.text).await;
        }
    }

    fn note(&mut self, error: Option<&SourceError>) {
        match (error, self.is_away) {
            (Some(error), false) => {
                tracing::warn!(
                    target: crate::settings::TARGET,
                    error = chain(error),
                    "documents can't be read; what is in force stays"
                );
            }
            (None, true) => tracing::info!(target: crate::settings::TARGET, "documents can be read again"),
            _ => return,
        }
        self.is_away = error.is_some();
        metrics::gauge!(names::CONFIG_AWAY).set(if self.is_away { 1.0 } else { 0.0 });
    }
}
