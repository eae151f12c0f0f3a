//! What the tests of this crate share: the service's logic on SQLite files of its own.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use fanone_base::{Bucket, Id, IdGenerator, time};
use fanone_config::{Live, Settings};
use fanone_store::{Store, outbox};
use tempfile::TempDir;
use volo_gen::fanone::base::{EventKind, Picture};

use crate::{
    MIGRATIONS, counters,
    publish::{CoverVector, Publication},
    ranking::Ranking,
    uploads::{File, Rules, Upload, Uploads},
    video::{Video, Videos},
};

/// A kind, whom it is about, by how much, and its picture.
type Event = (EventKind, Id, i64, Option<Picture>);

pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) videos: Videos,
    pub(crate) uploads: Uploads,
    ids: IdGenerator,
    _folder: TempDir,
}

impl Site {
    /// A new site with its rows in so many databases.
    pub(crate) async fn with_shards(shards: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), shards).await;
        let ids = IdGenerator::default();
        let cache = fanone_cache::open("memory:", &fanone_cache::Options::default()).unwrap();
        let three_a_day = ("FANONE_LIMITS__UPLOADS_PER_USER".to_owned(), "3".to_owned());
        let settings = Settings::load(None, [three_a_day].into_iter()).unwrap();
        let live = Live::of(&settings);
        let rules = Rules { length_max: 1000, lifetime: Duration::from_secs(3600), live };
        Self {
            videos: Videos::new(store.clone(), ids.clone(), Ranking::new(cache)),
            uploads: Uploads::new(store.clone(), ids.clone(), rules),
            store,
            ids,
            _folder: folder,
        }
    }

    /// A user in this bucket; of two shards, the first has those below 512.
    pub(crate) fn user(&self, bucket: u16) -> Id {
        self.ids.next(Bucket::new(bucket))
    }

    pub(crate) async fn publish(&self, author: Id, title: &str) -> Video {
        self.videos.publish(author, publication(title)).await.unwrap()
    }

    /// Publishes with a time after `time`.
    pub(crate) async fn publish_later(&self, author: Id, title: &str, time: i64) -> Video {
        while time::now_ms() <= time {
            tokio::task::yield_now().await;
        }
        self.publish(author, title).await
    }

    pub(crate) async fn upload(&self, user: Id) -> Upload {
        self.uploads.create(user, file()).await.unwrap()
    }

    /// Takes what waits for the user service.
    pub(crate) async fn events_to_the_user_service(&self) -> Vec<Event> {
        let events = std::sync::Mutex::new(Vec::new());
        for shard in self.store.shards() {
            outbox::deliver(shard, counters::USER, 1000, async |batch| {
                for event in batch.events {
                    let event = counters::to_thrift(event)?;
                    events.lock().unwrap().push((
                        event.kind,
                        Id(event.entity_id),
                        event.delta,
                        event.picture,
                    ));
                }
                Ok::<_, pilota::thrift::ThriftException>(())
            })
            .await
            .unwrap();
        }
        events.into_inner().unwrap()
    }

    pub(crate) async fn forget_events(&self) {
        self.events_to_the_user_service().await;
    }
}

async fn open(folder: &Path, shards: usize) -> Store {
    let paths: Vec<_> = (0..shards).map(|number| folder.join(format!("video{number}.db"))).collect();
    Store::embedded("video", &paths, MIGRATIONS).await.unwrap()
}

/// A video whose file and title go by the same name.
pub(crate) fn publication(title: &str) -> Publication {
    Publication {
        video_key: format!("videos/{title}"),
        cover_key: format!("covers/{title}"),
        title: title.to_owned(),
        description: String::new(),
        cover: CoverVector { bytes: Bytes::from_static(&[1, 2, 3, 4]), model: "model-1".to_owned() },
        upload: None,
    }
}

pub(crate) fn file() -> File {
    File { length: 900, title: "title".into(), description: "text".into(), filename: "cat.mp4".into() }
}
