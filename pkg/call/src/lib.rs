//! The one place where a Thrift server or client is put together.
//!
//! ```no_run
//! # use fanone_call::Peer;
//! # use volo_gen::fanone::user::{UserService, UserServiceClientBuilder, UserServiceRequestRecv, UserServiceServer};
//! # async fn example<H: UserService + Send + Sync + 'static>(
//! #     handler: H, user: Peer, front: Peer, listener: tokio::net::TcpListener, access_token: &str,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! // In the user service: `user` is the peer "fanone.user".
//! let stop = async { tokio::signal::ctrl_c().await.unwrap_or(()) };
//! let server = user.serve::<UserServiceRequestRecv, _>(UserServiceServer::from_handler(handler), listener, stop)?;
//! tokio::spawn(server);
//!
//! // In the front: `front` is the peer "fanone.http".
//! let users = front.client(UserServiceClientBuilder::new("fanone.user"));
//! let logout = users.logout(Default::default());
//! let answer = fanone_call::as_user(access_token, logout).await.map_err(fanone_call::CallError::from)?;
//! fanone_call::check(answer.base)?;
//! # Ok(())
//! # }
//! ```

mod accept;
mod answer;
mod attempt;
mod connect;
mod deadline;
mod error;
mod guard;
mod inbound;
mod outbound;
mod outcome;
mod peer;
mod repeat;
mod traces;

pub use answer::{check, reply};
pub use deadline::{time_left, within};
pub use error::CallError;
pub use outbound::as_user;
pub use peer::{GeneratedBuilder, Peer, ServeError};
