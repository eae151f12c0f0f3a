//! What can go wrong in a store.

use std::sync::Arc;

use fanone_base::{Code, Failure};
use sea_orm::{DbErr, SqlErr};

/// A fault of the database or of the way to it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a statement or is not there.
    #[error("database")]
    Database(#[source] Arc<DbErr>),
    /// The URL is none that this program knows.
    #[error("unknown database url {url}, expected sqlite:<path>")]
    Url {
        /// The URL, which holds no secret.
        url: String,
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
    /// The database was written by a newer version of this program.
    #[error(
        "the database of {namespace} has migration {found}, this program knows {known}: run a newer version"
    )]
    TooNew {
        /// Whose database.
        namespace: &'static str,
        /// The highest number in the database.
        found: i32,
        /// The highest number in this program.
        known: i32,
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
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl Failure for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Busy | Self::GivenUp(_) => Code::Unavailable,
            _ => Code::Internal,
        }
    }
}
