//! What a move of buckets must do, whatever databases it is between: `moves` runs it on files, `mysql` on a server.

pub(crate) mod breaks;
pub(crate) mod counters;
pub(crate) mod refusals;
pub(crate) mod rows;
pub(crate) mod world;
