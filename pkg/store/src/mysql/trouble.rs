//! What an error of the database means for whoever asked.

use std::time::Duration;

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, mysql::MySqlDatabaseError},
};

/// What went wrong, if it is not the statement itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server took the transaction back, or a lock was not to be had: run it again.
    Conflict,
    /// The server can't do anything at the moment, but another node may.
    NotReady,
    /// The connection is gone, and what was under way with it.
    Lost,
}

impl Trouble {
    /// The trouble behind an error, if there is any.
    pub(crate) fn of(error: &DbErr) -> Option<Self> {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_driver(error),
            DbErr::ConnectionAcquire(_) => Some(Self::Lost),
            _ => None,
        }
    }

    fn of_driver(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(error) => {
                let number = error.try_downcast_ref::<MySqlDatabaseError>()?.number();
                Self::of_number(number)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Some(Self::Lost),
            _ => None,
        }
    }

    /// By the server's numbers.
    const fn of_number(number: u16) -> Option<Self> {
        match number {
            // Lock wait timeout, deadlock (or lost against another node's commit), record changed since it was read.
            1205 | 1213 | 1020 => Some(Self::Conflict),
            // Too many connections, not prepared (Galera without its quorum), read-only since it is no primary.
            1040 | 1047 | 1203 | 1226 | 1290 | 1836 => Some(Self::NotReady),
            // Server shutdown, connection killed, query interrupted.
            1053 | 1927 | 1317 | 3169 | 4031 => Some(Self::Lost),
            _ => None,
        }
    }
}

/// A connection that was not to be had in `limit`.
pub(crate) fn no_connection(limit: Duration) -> DbErr {
    timed_out(format!("no connection to the database within {} ms", limit.as_millis()))
}

/// A statement that was not answered in `limit`.
pub(crate) fn no_answer(limit: Duration) -> DbErr {
    timed_out(format!("no answer of the database within {} ms", limit.as_millis()))
}

fn timed_out(text: String) -> DbErr {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
    DbErr::Conn(RuntimeErr::SqlxError(sqlx::Error::Io(error).into()))
}

/// What an operator should look at.
pub(crate) fn explain(error: &DbErr) -> String {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return error.to_string() };
    match &**error {
        sqlx::Error::Database(error) => {
            match error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number) {
                Some(1045 | 1698) => "the server refuses the user or the password".to_owned(),
                Some(1044 | 1049) => "there is no such database, or the user may not use it".to_owned(),
                _ => format!("the server refuses: {}", error.message()),
            }
        }
        sqlx::Error::Io(error) => {
            format!("can't be reached: {error}; is the server up, are host and port right?")
        }
        error => format!("can't be reached: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_told_from_lost_connections() {
        assert_eq!(Trouble::of_number(1213), Some(Trouble::Conflict));
        assert_eq!(Trouble::of_number(1205), Some(Trouble::Conflict));
        assert_eq!(Trouble::of_number(1047), Some(Trouble::NotReady));
        assert_eq!(Trouble::of_number(1062), None, "a duplicate is an answer");
        assert_eq!(Trouble::of(&no_connection(Duration::ZERO)), Some(Trouble::Lost));
        assert_eq!(Trouble::of(&DbErr::Custom("no".to_owned())), None);
    }
}
