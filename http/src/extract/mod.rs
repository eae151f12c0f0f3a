//! What handlers take: the state, the client, the login, and the operation's fields.

mod body;
mod client;
mod fields;
mod form;
mod json;
mod login;
mod multipart;
mod picture;
mod query;
mod tokens;

pub(crate) use client::{Client, client_ip};
pub(crate) use fields::{Either, Fields, FromFields};
pub(crate) use form::Input;
pub(crate) use login::{Login, Notes, revoke};
pub(crate) use picture::Picture;
pub(crate) use tokens::Refresh;
