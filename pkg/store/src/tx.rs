//! A transaction under way, as statements see it.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::mysql::MysqlTx;

/// A transaction in one shard. Statements run on it as on any connection.
pub struct Tx(Kind);

enum Kind {
    Sqlite(DatabaseTransaction),
    Mysql(MysqlTx),
}

impl Tx {
    pub(crate) fn sqlite(transaction: DatabaseTransaction) -> Self {
        Self(Kind::Sqlite(transaction))
    }

    pub(crate) fn mysql(transaction: MysqlTx) -> Self {
        Self(Kind::Mysql(transaction))
    }

    /// Whether no statement can succeed any more.
    pub(crate) async fn is_doomed(&self) -> bool {
        match &self.0 {
            Kind::Sqlite(_) => false,
            Kind::Mysql(tx) => tx.is_doomed().await,
        }
    }

    pub(crate) fn into_sqlite(self) -> Option<DatabaseTransaction> {
        match self.0 {
            Kind::Sqlite(transaction) => Some(transaction),
            Kind::Mysql(_) => None,
        }
    }

    pub(crate) fn into_mysql(self) -> Option<MysqlTx> {
        match self.0 {
            Kind::Mysql(transaction) => Some(transaction),
            Kind::Sqlite(_) => None,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Sqlite(_) => DbBackend::Sqlite,
            Kind::Mysql(_) => DbBackend::MySql,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(tx) => tx.execute_raw(statement).await,
            Kind::Mysql(tx) => tx.execute(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Sqlite(tx) => tx.execute_unprepared(sql).await,
            Kind::Mysql(tx) => tx.execute(Statement::from_string(DbBackend::MySql, sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(tx) => tx.query_one_raw(statement).await,
            Kind::Mysql(tx) => Ok(tx.query(statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Sqlite(tx) => tx.query_all_raw(statement).await,
            Kind::Mysql(tx) => tx.query(statement).await,
        }
    }
}
