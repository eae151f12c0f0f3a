//! The SQL of the user service: one file per table, each with its entity and its statements.

mod accounts;
pub(crate) mod batches;
mod mfa;
mod migrations;
mod pictures;
mod sessions;

use fanone_base::Id;
use fanone_store::{Shard, Store};

pub(crate) use accounts::{AccountStore, Counts, Credentials, NewAccount, Profile, Registered};
pub(crate) use mfa::{Attempt, Change, MfaRow, MfaStore};
pub use migrations::MIGRATIONS;
pub(crate) use pictures::{Picture, PictureStore, page_after};
pub(crate) use sessions::{Rotation, SessionRow, SessionStore};

/// The ids that live in each shard, for one statement per shard; shards without any are left out.
fn by_shard<'s>(store: &'s Store, ids: &[Id]) -> Vec<(&'s Shard, Vec<i64>)> {
    let mut groups: Vec<(&Shard, Vec<i64>)> =
        store.shards().iter().map(|shard| (shard, Vec::new())).collect();
    for id in ids {
        if let Some((_, group)) = groups.get_mut(store.index(id.bucket())) {
            group.push(id.0);
        }
    }
    groups.retain(|(_, group)| !group.is_empty());
    groups
}
