//! What the tests share: a store of two shards in a folder of its own.

use fanone_base::{Bucket, Id, IdGenerator, Page};
use fanone_store::{OutboxEvent, Store, StoreError, outbox};
use tempfile::TempDir;

use crate::{MIGRATIONS, chat::Chat, counters::USER, follow::Follows, group::Groups};

pub(crate) const ALL: Page = Page { num: 0, size: 100 };

pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) follows: Follows,
    pub(crate) chat: Chat,
    pub(crate) groups: Groups,
    pub(crate) ids: IdGenerator,
    _folder: TempDir,
}

impl Site {
    /// With groups of at most five.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a.db", "b.db"].map(|name| folder.path().join(name));
        let store = Store::embedded("social", &paths, MIGRATIONS).await.unwrap();
        let ids = IdGenerator::default();
        Self {
            follows: Follows::new(store.clone(), ids.clone()),
            chat: Chat::new(store.clone(), ids.clone()),
            groups: Groups::new(store.clone(), ids.clone(), 5),
            store,
            ids,
            _folder: folder,
        }
    }

    /// The id of a new user in the first shard (`half` 0) or the second (1).
    pub(crate) fn user(&self, half: u16) -> Id {
        self.ids.next(Bucket::new(half * 512 + 7))
    }

    /// Takes the events that have gathered: kind, entity and sum, in this order.
    pub(crate) async fn sent(&self) -> Vec<(i32, Id, i64)> {
        let taken = std::sync::Mutex::new(Vec::<OutboxEvent>::new());
        for shard in self.store.shards() {
            let take = |batch: outbox::Batch| {
                taken.lock().unwrap().extend(batch.events);
                async { Ok::<(), StoreError>(()) }
            };
            outbox::deliver(shard, USER, 1000, take).await.unwrap();
        }
        let events = taken.into_inner().unwrap();
        let mut events: Vec<_> =
            events.into_iter().map(|event| (event.kind, event.entity, event.delta)).collect();
        events.sort();
        events
    }
}
