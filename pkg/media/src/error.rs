//! What can go wrong with the store.

use fanone_base::{Code, Failure};

/// Why the media store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The setting names a store that this program does not know.
    #[error("media.url = {url:?} is not known, accepted: file:<folder>")]
    UnknownUrl {
        /// What was configured.
        url: String,
    },
    /// The folder of a local store can't be made or opened.
    #[error("can't use the media folder {folder:?}")]
    Folder {
        /// The folder as configured.
        folder: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The text is no key: lower-case letters, digits, `_`, `-`, `.` in parts between slashes.
    #[error("not a media key")]
    Key,
    /// There is no such object.
    #[error("no such media object")]
    NotFound,
    /// There is such an object already.
    #[error("the media object exists already")]
    Exists,
    /// The folder holds more objects than the caller can take.
    #[error("more than {0} media objects in one folder")]
    TooMany(usize),
    /// The operating system gave no random bytes for a new key.
    #[error("no random bytes for a media key")]
    Random(#[from] getrandom::Error),
    /// The store failed.
    #[error("the media store failed")]
    Store(#[source] object_store::Error),
    /// Reading or writing a local file failed.
    #[error("a media file can't be read or written")]
    Io(#[from] std::io::Error),
    /// A worker thread broke off.
    #[error("a media worker broke off")]
    Worker(#[from] tokio::task::JoinError),
}

impl From<object_store::Error> for MediaError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => MediaError::NotFound,
            object_store::Error::AlreadyExists { .. } => MediaError::Exists,
            error => MediaError::Store(error),
        }
    }
}

impl Failure for MediaError {
    fn code(&self) -> Code {
        match self {
            MediaError::Key | MediaError::NotFound => Code::NotFound,
            MediaError::Exists => Code::Conflict,
            _ => Code::Internal,
        }
    }
}
