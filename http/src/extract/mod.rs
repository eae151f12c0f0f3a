//! What handlers take: the state, the client, the login, and the operation's fields.

pub(crate) mod body;
mod client;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod login;
pub(crate) mod multipart;
mod picture;
mod query;
mod tokens;

pub(crate) use client::{Client, client_ip};
pub(crate) use fields::{Either, Fields, FromFields};
pub(crate) use form::Input;
pub(crate) use login::{Login, Notes, access_token, revoke};
pub(crate) use picture::{PICTURE_BYTES_HELD_MAX, Picture};
pub(crate) use tokens::Refresh;
