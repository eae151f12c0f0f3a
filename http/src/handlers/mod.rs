//! The operations, one file per area. Each handler takes what it needs, makes one call, and answers.

pub(crate) mod auth;
pub(crate) mod comment;
pub(crate) mod group;
pub(crate) mod like;
pub(crate) mod pages;
pub(crate) mod picture;
pub(crate) mod relation;
pub(crate) mod user;
pub(crate) mod video;
