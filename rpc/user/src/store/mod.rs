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
pub(crate) use pictures::{Feed, INDEX, Pages, Picture, PictureStore, count as count_pictures};
pub(crate) use sessions::{Rotation, SessionRow, SessionStore, purge as purge_sessions};
