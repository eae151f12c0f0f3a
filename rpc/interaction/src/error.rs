//! What can go wrong in this service.

use fanone_base::{Code, Failure, InvalidField};
use fanone_identity::IdentityError;
use fanone_store::StoreError;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InteractionError {
    /// A field of the request is missing or wrong.
    #[error(transparent)]
    Field(#[from] InvalidField),
    /// The call is not made for a user.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The comment was never there, or is deleted.
    #[error("no such comment")]
    CommentNotFound,
    /// The comment is somebody else's.
    #[error("only the author may delete a comment")]
    NotTheAuthor,
    /// The rows can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for InteractionError {
    fn code(&self) -> Code {
        match self {
            Self::Field(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::CommentNotFound => Code::CommentNotFound,
            Self::NotTheAuthor => Code::Forbidden,
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
