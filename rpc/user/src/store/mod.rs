//! The SQL of the user service: one file per table, each with its entity and its statements.

mod accounts;
pub(crate) mod batches;
pub(crate) mod bulk;
pub(crate) mod described;
mod mfa;
mod migrations;
mod pictures;
mod sessions;

pub(crate) use accounts::{AccountStore, Counts, Credentials, NewAccount, Profile, Registered};
pub(crate) use mfa::{Attempt, Change, MfaRow, MfaStore};
pub use migrations::{MIGRATIONS, TABLES};
pub(crate) use pictures::{
    Feed, INDEX, Picture, PictureStore, changed_since, count as count_pictures, page_after,
};
pub(crate) use sessions::{Rotation, SessionRow, SessionStore, purge as purge_sessions};
