//! What can go wrong in this service.

use fanone_base::{Code, Failure, InvalidField};
use fanone_identity::IdentityError;
use fanone_store::StoreError;
use pilota::thrift::ThriftException;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VideoError {
    /// A field of the request is missing or wrong.
    #[error(transparent)]
    Field(#[from] InvalidField),
    /// The call is not made for a user.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The video was never there, or is deleted.
    #[error("no such video")]
    VideoNotFound,
    /// The upload was never there, is somebody else's, has expired or was ended.
    #[error("no such upload")]
    UploadNotFound,
    /// The video, or the file, is somebody else's.
    #[error("only the author may do this")]
    NotTheAuthor,
    /// The user has begun as many uploads in the last day as one may.
    #[error("too many uploads in a day")]
    TooManyUploads,
    /// Every new id was in use already.
    #[error("no free id was found")]
    NoFreeId,
    /// The cover can't be written into its event.
    #[error("the event of a cover can't be encoded")]
    Encoding(#[from] ThriftException),
    /// The rows can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for VideoError {
    fn code(&self) -> Code {
        match self {
            Self::Field(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::VideoNotFound => Code::VideoNotFound,
            Self::UploadNotFound => Code::UploadNotFound,
            Self::NotTheAuthor => Code::Forbidden,
            Self::TooManyUploads => Code::TooManyRequests,
            Self::NoFreeId | Self::Encoding(_) => Code::Internal,
            Self::Store(error) => error.code(),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Field(error) => error.public_message(),
            _ => self.code().message().to_owned(),
        }
    }
}
