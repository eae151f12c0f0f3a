//! What the tests share: a store of two shards in a folder of its own.

use fanone_base::{Bucket, Id, IdGenerator};
use fanone_store::{OutboxEvent, Store, outbox};
use tempfile::TempDir;

use crate::{MIGRATIONS, comment::Comments, like::Likes};

pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) likes: Likes,
    pub(crate) comments: Comments,
    pub(crate) ids: IdGenerator,
    _folder: TempDir,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.db", "b.db"].map(|name| folder.path().join(name));
        let store = Store::embedded("interaction", &paths, MIGRATIONS).await.unwrap();
        let ids = IdGenerator::default();
        Self {
            likes: Likes::new(store.clone(), ids.clone()),
            comments: Comments::new(store.clone(), ids.clone()),
            store,
            ids,
            _folder: folder,
        }
    }

    /// An id in the first shard (`half` 0) or the second (1).
    pub(crate) fn id(&self, half: u16) -> Id {
        self.ids.next(Bucket::new(half * 512 + 7))
    }

    /// Takes what has gathered for `destination`: kind, entity and sum, in this order.
    pub(crate) async fn sent(&self, destination: &'static str) -> Vec<(i32, Id, i64)> {
        let taken = std::sync::Mutex::new(Vec::<OutboxEvent>::new());
        for shard in self.store.shards() {
            let take = |batch: outbox::Batch| {
                taken.lock().unwrap().extend(batch.events);
                async { Ok::<(), fanone_store::StoreError>(()) }
            };
            outbox::deliver(shard, destination, 1000, take).await.unwrap();
        }
        let mut events: Vec<_> = taken
            .into_inner()
            .unwrap()
            .into_iter()
            .map(|event| (event.kind, event.entity, event.delta))
            .collect();
        events.sort();
        events
    }
}
