//! Pictures to vectors, vectors to ids.
//!
//! [`Model`] turns a decoded picture into a unit vector; [`Index`] finds the ids whose vectors are nearest by
//! cosine. Both are opened from a URL, so that other models and vector databases fit behind the same calls.

mod bytes;
mod descriptor;
mod error;
mod index;
mod memory;
mod metric;
mod milvus;
mod model;
#[cfg(test)]
mod recognition;

pub use bytes::{from_bytes, to_bytes};
pub use descriptor::{DIMENSION as BUILTIN_DIMENSION, NAME as BUILTIN_NAME, describe};
pub use error::VectorError;
pub use index::{Index, Of, Refused, SEARCH_MAX, open_index};
pub use memory::MemoryIndex;
pub use milvus::{MilvusIndex, Rebuild};
pub use model::{Model, ModelError, OpenError, Prepared};
