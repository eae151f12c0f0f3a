//! Documents that change while the program runs, and the live settings that they hold.
//!
//! [`Documents`] are read from where `config.url` says, again and again:
//!
//! | URL | a document is |
//! | --- | --- |
//! | `none:` | nowhere |
//! | `file:FOLDER` | a file of the folder |
//! | `nacos://…` | a configuration of the group `DEFAULT_GROUP` on a Nacos |
//!
//! [`LiveSettings`] lays one document for each role over the settings: `fanone.user.toml`, `fanone.video.toml` and so on.
//! Rules for calls come from the same place: they are [`Others`].
//! Whoever works by a live setting has a [`Live`](fanone_config::Live) and asks it at each use.

mod documents;
mod folder;
mod kept;
mod nacos;
mod settings;

pub use documents::{Documents, Found, SourceError};
pub use settings::{LiveSettings, Others, document_name, one_line, preview};
