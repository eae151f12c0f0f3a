//! What can go wrong with vectors.

use std::{error::Error, sync::Arc};

use fanone_base::{Code, Failure};

/// Why a vector could not be made, stored or searched.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The vector has not as many numbers as the others.
    #[error("a vector has {actual} numbers where {expected} are needed")]
    Dimension {
        /// The length of the vectors in the index.
        expected: usize,
        /// The length of this one.
        actual: usize,
    },
    /// The vector holds an infinite number or no number.
    #[error("a vector holds a number that is not finite")]
    NotFinite,
    /// The vector has no direction, so it has no cosine.
    #[error("a vector is zero or empty")]
    Zero,
    /// The bytes are not a whole count of 32-bit numbers.
    #[error("{0} bytes are not a whole count of 32-bit numbers")]
    Bytes(usize),
    /// The index holds as many vectors as it may.
    #[error("the index is full with {0} vectors")]
    Full(usize),
    /// There are vectors of as many models as there may be.
    #[error("there are vectors of {0} models already")]
    Models(usize),
    /// The vector database does not answer, or not in time.
    #[error("the vector database {place} is away")]
    Away {
        /// Its address.
        place: Arc<str>,
        /// What was noticed; nothing if it was not asked because it was away a moment ago.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The vector database does not let us do it: a wrong password, or what it can't do now.
    #[error("the vector database {place} refuses")]
    Refused {
        /// Its address.
        place: Arc<str>,
        /// What it said.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A collection of the vector database is not as we make it.
    #[error("the collection {collection} is not ours: {reason}")]
    Foreign {
        /// Its name.
        collection: String,
        /// What is different.
        reason: String,
    },
    /// A collection of the vector database has gone.
    #[error("the collection {0} has gone")]
    Gone(String),
    /// A worker thread broke off.
    #[error("a worker thread broke off")]
    Worker(#[source] tokio::task::JoinError),
}

impl Failure for VectorError {
    /// Vectors come from our own services: whatever is wrong with one is a fault of ours. A vector database that does not work
    /// is one that may work again.
    fn code(&self) -> Code {
        match self {
            Self::Away { .. } | Self::Refused { .. } | Self::Foreign { .. } | Self::Gone(_) => {
                Code::Unavailable
            }
            _ => Code::Internal,
        }
    }
}
