//! What an operator sees of the program: logs, metrics, traces, profiles, health, and the admin port that shows them.

pub mod admin;
pub mod jobs;
pub mod logs;
pub mod metrics;
pub mod names;
mod process;
mod timings;
pub mod trace;

pub use logs::chain;
pub use timings::Timings;
