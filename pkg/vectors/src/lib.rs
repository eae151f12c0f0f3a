//! Pictures to vectors, vectors to ids.
