//! Follows, chat and groups.
