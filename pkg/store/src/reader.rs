//! Reading outside of transactions.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::mysql::Nodes;

/// Runs statements that only read, in one shard. On a server a statement whose connection breaks is run again on
/// another one. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Kind);

#[derive(Clone)]
enum Kind {
    Sqlite(DatabaseConnection),
    Mysql(Nodes),
}

impl Reader {
    pub(crate) fn sqlite(connection: DatabaseConnection) -> Self {
        Self(Kind::Sqlite(connection))
    }

    pub(crate) fn mysql(nodes: Nodes) -> Self {
        Self(Kind::Mysql(nodes))
    }

    pub(crate) fn nodes(&self) -> Option<&Nodes> {
        match &self.0 {
            Kind::Mysql(nodes) => Some(nodes),
            Kind::Sqlite(_) => None,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Sqlite(_) => DbBackend::Sqlite,
            Kind::Mysql(_) => DbBackend::MySql,
        }
    }

    /// Refused: what changes rows goes through a transaction.
    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(read_only())
    }

    /// Refused: what changes rows goes through a transaction.
    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(read_only())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(connection) => connection.query_one_raw(statement).await,
            Kind::Mysql(nodes) => Ok(nodes.query(statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(connection) => connection.query_all_raw(statement).await,
            Kind::Mysql(nodes) => nodes.query(statement).await,
        }
    }
}

fn read_only() -> DbErr {
    DbErr::Custom("a reader only reads; changes go through Shard::write".to_owned())
}
