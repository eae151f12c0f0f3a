//! Operations that take more than one step: what is asked of which service, in which order, and what is put together.
//! Free of HTTP.

pub(crate) mod avatar;
pub(crate) mod existence;
pub(crate) mod known;
pub(crate) mod picture;
pub(crate) mod social;
pub(crate) mod video;

use fanone_base::{Code, Failure, InvalidField};
use fanone_call::CallError;
use fanone_media::{MediaError, picture::PictureError};
use fanone_vectors::ModelError;

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("a call failed")]
    Call(#[from] CallError),
    #[error("a field is wrong")]
    Field(#[from] InvalidField),
    #[error("the picture was refused")]
    Picture(#[from] PictureError),
    #[error("the model makes no vector")]
    Model(#[from] ModelError),
    #[error("a media object can't be stored")]
    Media(#[from] MediaError),
    #[error("{}", .0.message())]
    Refused(Code),
}

impl Failure for Problem {
    fn code(&self) -> Code {
        match self {
            Self::Call(cause) => cause.code(),
            Self::Field(cause) => cause.code(),
            Self::Picture(cause) => cause.code(),
            Self::Model(cause) => cause.code(),
            Self::Media(MediaError::Unavailable(_)) => Code::Unavailable,
            // What does not exist here is a file that we were about to write.
            Self::Media(_) => Code::Internal,
            Self::Refused(code) => *code,
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Call(cause) => cause.public_message(),
            Self::Field(cause) => cause.public_message(),
            // The field is the same wherever a picture is sent.
            Self::Picture(cause) if cause.code() == Code::Parameter => format!("data: {cause}"),
            Self::Picture(cause) => cause.public_message(),
            Self::Model(cause) => cause.public_message(),
            Self::Media(_) | Self::Refused(_) => self.code().message().to_owned(),
        }
    }
}
