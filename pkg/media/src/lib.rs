//! Object storage for pictures and videos, resumable uploads in it, and what files are by their content.
//!
//! - [`MediaStore`] keeps objects under a [`Key`]: streamed in by a [`Writer`], streamed out by ranges. An object
//!   is visible only when it is whole and on stable storage.
//! - [`Segments`] keeps the bytes of unfinished uploads as a run of small objects.
//! - [`sniff`] tells kinds of files by their content, [`holds_video`] looks for a video track inside,
//!   [`picture`] decodes pictures within limits.
//! - [`Covers`] takes a frame from a video, or draws a title card.

mod cover;
mod error;
mod frame;
mod key;
pub mod picture;
mod pieces;
mod probe;
mod s3;
mod segments;
pub mod sniff;
mod store;
#[cfg(test)]
mod testing;
mod title_card;
mod writer;

pub use cover::{Cover, CoverSource, Covers};
pub use error::MediaError;
pub use key::{Folder, Key};
pub use probe::holds_video;
pub use segments::{Appended, BoxError, Checksum, ChunkStream, SegmentError, Segments};
pub use sniff::{PictureKind, SNIFF_BYTES, VideoKind, picture_kind, video_kind};
pub use store::{ByteStream, Head, MediaStore};
pub use writer::Writer;
