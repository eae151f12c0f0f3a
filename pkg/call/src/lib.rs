//! The one place where a Thrift server or client is put together.

mod answer;
mod error;

pub use answer::{check, reply};
pub use error::CallError;
