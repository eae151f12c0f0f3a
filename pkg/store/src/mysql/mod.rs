//! Shards on servers that speak MySQL's protocol: one server, or the nodes of a cluster such as Galera.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `connection` | one connection and its pool |
//! | `nodes` | which node is used, and when another one is |
//! | `transaction` | one transaction, which knows when it can't hold any more |
//! | `trouble` | which errors mean what |
//! | `writer` | commits in groups; repeats what may be repeated |

mod connection;
mod nodes;
mod transaction;
mod trouble;
mod writer;

pub(crate) use nodes::Nodes;
pub(crate) use transaction::MysqlTx;
pub(crate) use trouble::{Trouble, explain};
pub(crate) use writer::start;
