//! The rules for calls between services, as an operator of Kitex writes them in Nacos.
//!
//! | document | rules |
//! | --- | --- |
//! | `{client}.{server}.rpc_timeout` | how long a call and a connection may take |
//! | `{client}.{server}.circuit_break` | when an instance gets no more calls of a method |
//! | `{client}.{server}.retry` | when a call that only reads is made again |
//! | `{client}.{server}.degradation` | which part of the calls is refused before it is made |
//! | `{server}.limit` | how many connections and calls a server takes |
//!
//! [`Governance`] holds the rules in force and takes other documents while calls go on. [`Client`] and [`Server`] are what the
//! layers of `pkg/call` ask on both sides of a call. Nothing here knows Thrift.

mod balancer;
mod breaker;
mod client;
mod document;
mod governance;
mod limiter;
mod method;
mod names;
mod reads;
mod report;
mod rules;
mod server;
mod window;

pub use balancer::{Balancer, Pick};
pub use breaker::{Breaker, State};
pub use client::{Choice, Client, NoInstance};
pub use document::Refused;
pub use governance::{Applied, Governance};
pub use limiter::Limiter;
pub use method::{Method, MethodRules};
pub use names::{Category, Target, documents};
pub use reads::{CHANGES, READS, is_read};
pub use report::{BreakerReport, ClientReport, Report, RuleReport, ServerReport};
pub use rules::{Backoff, BackupPolicy, Breaking, FailurePolicy, Repeat};
pub use server::Server;
