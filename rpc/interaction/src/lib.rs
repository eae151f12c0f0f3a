//! Likes and comments.
