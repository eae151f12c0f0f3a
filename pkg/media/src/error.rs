//! What can go wrong with the store.

use std::error::Error;

use fanone_base::{Code, Failure};

/// Why the media store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The setting names a store that this program does not know.
    #[error(
        "accepted: file:FOLDER, s3://[KEY:SECRET@]BUCKET[/PREFIX][?region=REGION&endpoint=http(s)://HOST[:PORT]]"
    )]
    UnknownUrl,
    /// The folder of a local store can't be made or opened.
    #[error("can't use the media folder {folder:?}")]
    Folder {
        /// The folder as configured.
        folder: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The S3 server knows no such bucket.
    #[error("there is no bucket {bucket:?}")]
    NoBucket {
        /// Its name.
        bucket: String,
    },
    /// The S3 server does not know us, or does not let us do this.
    #[error("the S3 server refuses the credentials, or they don't include this right: {0}")]
    Credentials(String),
    /// The S3 server replaces an object that it was told to make only where there is none.
    #[error("the S3 server does not know conditional writes (If-None-Match), which uploads need")]
    Unconditional,
    /// The S3 server does not answer, or not as it should.
    #[error("the S3 server failed: {0}")]
    Unavailable(String),
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
            error @ (object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }) => MediaError::Credentials(said(&error)),
            // Lists and others come like this whatever the answer was.
            error @ object_store::Error::Generic { store: "S3", .. } => {
                let bottom = bottom(&error);
                let is_refused = ["401", "403"].iter().any(|it| bottom.contains(&format!("code: {it}")));
                let said = said(&error);
                if is_refused { MediaError::Credentials(said) } else { MediaError::Unavailable(said) }
            }
            error => MediaError::Store(error),
        }
    }
}

/// S3's own word for what is wrong, or why there is none. Every cause tells those below again, so the lowest is enough.
fn said(error: &object_store::Error) -> String {
    let bottom = bottom(error);
    let code = bottom.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code.to_owned()).unwrap_or(bottom)
}

fn bottom(error: &object_store::Error) -> String {
    let mut lowest: &dyn Error = error;
    while let Some(cause) = lowest.source() {
        lowest = cause;
    }
    lowest.to_string()
}

impl Failure for MediaError {
    fn code(&self) -> Code {
        match self {
            MediaError::Key | MediaError::NotFound => Code::NotFound,
            MediaError::Exists => Code::Conflict,
            MediaError::Unavailable(_) => Code::Unavailable,
            _ => Code::Internal,
        }
    }
}
