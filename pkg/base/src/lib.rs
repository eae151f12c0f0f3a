//! The ground every room stands on: error codes, ids, paging and time.

mod code;
mod field;
mod id;
mod page;
pub mod time;

pub use code::{Code, Failure};
pub use field::InvalidField;
pub use id::{Bucket, Id, IdGenerator, ParseIdError};
pub use page::Page;
