//! The chat: WebSocket `/ws`.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `handshake`, `origin` | who may connect |
//! | `hub` | who is connected to this process |
//! | `connection` | one connection from greeting to close |
//! | `frame` | what clients send, and what they get; pure |
//! | `requests` | what each type of request does |
//! | `rate` | how fast one may ask; pure |
//!
//! A message is stored by the social service before it is answered, and only then goes out to whom it is for, through
//! channels of the cache. So a push may be lost, a message can't.

mod connection;
mod frame;
pub(crate) mod handshake;
mod hub;
mod origin;
mod rate;
mod requests;

pub(crate) use hub::Hub;

use fanone_base::Id;

/// The channel on which a user's connections listen, in whichever process they are.
fn channel(user: Id) -> String {
    format!("chat:{user}")
}
