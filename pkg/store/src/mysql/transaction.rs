//! One transaction on a server.

use sea_orm::{DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use super::{Trouble, nodes::Borrowed};

/// A transaction that has begun. Once a statement has run into trouble no other one is sent: the server may have
/// taken the transaction back, and what came then would be stored by itself.
pub(crate) struct MysqlTx {
    state: Mutex<State>,
}

struct State {
    borrowed: Borrowed,
    trouble: Option<(Trouble, DbErr)>,
}

impl MysqlTx {
    pub(crate) async fn begin(mut borrowed: Borrowed) -> Result<Self, (Borrowed, DbErr)> {
        match borrowed.connection.command("BEGIN").await {
            Ok(()) => Ok(Self { state: Mutex::new(State { borrowed, trouble: None }) }),
            Err(error) => Err((borrowed, error)),
        }
    }

    /// A connection on which every statement is stored by itself.
    pub(crate) fn without_transaction(borrowed: Borrowed) -> Self {
        Self { state: Mutex::new(State { borrowed, trouble: None }) }
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut state = self.state.lock().await;
        state.check()?;
        let result = state.borrowed.connection.execute(&statement).await;
        state.note(result)
    }

    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut state = self.state.lock().await;
        state.check()?;
        let result = state.borrowed.connection.query(&statement).await;
        state.note(result)
    }

    /// Whether a statement has run into trouble.
    pub(crate) async fn is_doomed(&self) -> bool {
        self.state.lock().await.trouble.is_some()
    }

    /// The connection, and the trouble if there was any.
    pub(crate) fn into_parts(self) -> (Borrowed, Option<(Trouble, DbErr)>) {
        let State { borrowed, trouble } = self.state.into_inner();
        (borrowed, trouble)
    }
}

impl State {
    fn check(&self) -> Result<(), DbErr> {
        match &self.trouble {
            Some((_, error)) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn note<T>(&mut self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &result
            && let Some(trouble) = Trouble::of(error)
        {
            self.trouble = Some((trouble, error.clone()));
        }
        result
    }
}
