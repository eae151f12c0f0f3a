//! The video service: videos, feed, ranking, search, visits and uploads.
//!
//! It keeps the rows of videos, of unfinished uploads and of recent visits; the files themselves are with the front.
//! A video lives in its author's bucket, and so does an upload. Likes and comments come in as counter events; what
//! they change for the author leaves as events to the user service, together with published and deleted videos.
//!
//! To start it: open a [`Store`](fanone_store::Store) with [`MIGRATIONS`], serve a [`VideoService`], run [`run_jobs`].

mod counters;
mod delete;
mod error;
mod events;
mod feed;
mod input;
mod jobs;
mod publish;
mod ranking;
mod search;
mod service;
mod store;
#[cfg(test)]
mod testing;
mod uploads;
mod video;
mod visit;

pub use jobs::run_jobs;
pub use service::VideoService;
pub use store::{MIGRATIONS, TABLES};
