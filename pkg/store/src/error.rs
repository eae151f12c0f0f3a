//! What can go wrong in a store.

use std::sync::Arc;

use fanone_base::{Code, Failure};
use fanone_config::Buckets;
use sea_orm::{DbErr, SqlErr};

use crate::mysql::Trouble;

/// A fault of the database or of the way to it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a statement or is not there.
    #[error("database")]
    Database(#[source] Arc<DbErr>),
    /// The connection broke at the commit.
    #[error("it is not known whether the transaction was stored")]
    Unknown(#[source] Arc<DbErr>),
    /// No connection at the start.
    #[error("{place}: {reason}")]
    Unreachable {
        /// Which database; no secret.
        place: String,
        /// What to look at.
        reason: String,
    },
    /// A file or folder of an embedded database.
    #[error("database file {path}")]
    File {
        /// Where it should be.
        path: String,
        /// Why it is not.
        #[source]
        cause: Arc<std::io::Error>,
    },
    /// The schema was changed by a newer version in a way that this one can't live with.
    #[error("{place} has migration {found} of {component}, this program knows {known}: run a newer version")]
    TooNew {
        /// Which database.
        place: String,
        /// Whose migrations.
        component: &'static str,
        /// The first number that this program can't live with.
        found: i32,
        /// The highest number in this program.
        known: i32,
    },
    /// The schema lacks migrations.
    #[error("{place} has migration {found} of {component}, this program needs {known}: run `fanone migrate`")]
    TooOld {
        /// Which database.
        place: String,
        /// Whose migrations.
        component: &'static str,
        /// The highest number in the database.
        found: i32,
        /// The highest number in this program.
        known: i32,
    },
    /// The database holds other buckets than the settings say.
    #[error(
        "{place} holds the buckets {held}, the settings give it {expected}: rows go from shard to shard by `fanone shard move`"
    )]
    Layout {
        /// Which database.
        place: String,
        /// What it holds.
        held: Buckets,
        /// What the settings say.
        expected: Buckets,
    },
    /// A move of buckets was broken off.
    #[error(
        "{place}: a move of the buckets {buckets} is not finished: run the same `fanone shard move` again"
    )]
    Moving {
        /// Which database.
        place: String,
        /// What is under way.
        buckets: Buckets,
    },
    /// More transactions wait than the limit allows.
    #[error("too many transactions are waiting")]
    Busy,
    /// A transaction took too long, panicked, or the store is closing.
    #[error("the transaction was given up: {0}")]
    GivenUp(&'static str),
}

impl StoreError {
    /// Whether a unique key refused a row.
    pub fn is_duplicate(&self) -> bool {
        match self {
            Self::Database(error) => matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))),
            _ => false,
        }
    }

    pub(crate) fn unknown(error: &DbErr) -> Self {
        Self::Unknown(Arc::new(error.clone()))
    }
}

/// Whether an insert added its row; false if a unique key refused it. (An upsert would not do:
/// MySQL's driver counts a row that an upsert left as it was.)
///
/// # Errors
///
/// Every other refusal.
pub fn inserted<T>(result: Result<T, DbErr>) -> Result<bool, StoreError> {
    match result.map_err(StoreError::from) {
        Ok(_) => Ok(true),
        Err(error) if error.is_duplicate() => Ok(false),
        Err(error) => Err(error),
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl Failure for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Database(error) if Trouble::of(error).is_some() => Code::Unavailable,
            Self::Busy | Self::GivenUp(_) | Self::Unknown(_) | Self::Unreachable { .. } => Code::Unavailable,
            _ => Code::Internal,
        }
    }
}
