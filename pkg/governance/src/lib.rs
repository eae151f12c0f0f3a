//! How a call chooses its instance.

mod round_robin;

pub use round_robin::RoundRobin;
