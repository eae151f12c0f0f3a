//! The tables of this service and the SQL on them.

pub(crate) mod listing;
mod migrations;
pub(crate) mod uploads;
pub(crate) mod videos;
pub(crate) mod visits;

pub use migrations::{MIGRATIONS, TABLES};

/// Rows named in one statement: below what every database takes.
const CHUNK: usize = 500;
