//! Why a move does not go on.

use fanone_config::Buckets;
use sea_orm::DbErr;

use crate::StoreError;

/// Why buckets were not moved. Nothing is lost; the same move may be run again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MoveError {
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A database could not be opened.
    #[error("{place}")]
    Open {
        /// Which database; no secret.
        place: String,
        /// Why not.
        #[source]
        cause: StoreError,
    },
    /// A file of the settings is not there.
    #[error("{place}: there is no such file")]
    NoFile {
        /// Which database.
        place: String,
    },
    /// The site runs, or has ended a moment ago.
    #[error("{place} is in use: stop every process of the site first")]
    InUse {
        /// Which database.
        place: String,
    },
    /// Two moves at once.
    #[error("another `fanone shard move` is at work in {place}")]
    AnotherMove {
        /// Which database.
        place: String,
    },
    /// The rows of another service are there.
    #[error("{place} belongs to {found}, not to {wanted}")]
    WrongRole {
        /// Which database.
        place: String,
        /// Under which name it sends.
        found: String,
        /// Whose rows are to be moved.
        wanted: &'static str,
    },
    /// None of the databases has the rows.
    #[error("no database of the settings holds the buckets {buckets}")]
    Nobody {
        /// The buckets.
        buckets: Buckets,
    },
    /// It can't be told where the rows are.
    #[error(
        "both {one} and {other} say that they hold the buckets {buckets}; drop the database that was made by mistake"
    )]
    Two {
        /// The buckets.
        buckets: Buckets,
        /// A database.
        one: String,
        /// Another one.
        other: String,
    },
    /// Events must arrive before others of the same rows leave from another place.
    #[error(
        "{count} events of these buckets in {place} must be delivered first: start the site for a few seconds, then stop it \
         and run the move again"
    )]
    OnTheWay {
        /// Which database.
        place: String,
        /// How many, up to a limit.
        count: i64,
    },
    /// The copy is not the same as what was copied.
    #[error(
        "the rows of {table} in {to} are not those in {from} ({found} and {expected} rows): nothing was deleted; run the \
         move again"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// The source.
        from: String,
        /// The target.
        to: String,
        /// Rows of the source.
        expected: u64,
        /// Rows of the target.
        found: u64,
    },
    /// The caller did not want to go on.
    #[error("the move was broken off")]
    BrokenOff,
}

impl From<DbErr> for MoveError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}
