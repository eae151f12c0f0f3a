//! What can go wrong in this service.

use fanone_base::{Code, Failure, InvalidField};
use fanone_identity::IdentityError;
use fanone_store::StoreError;

use crate::follow::FOLLOWING_MAX;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocialError {
    /// A field of the request is missing or wrong.
    #[error(transparent)]
    Field(#[from] InvalidField),
    /// The call is not made for a user.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The user follows as many as one may.
    #[error("the user follows {FOLLOWING_MAX} others already")]
    FollowsTooMany,
    /// The group was never there, or is empty and gone.
    #[error("no such group")]
    GroupNotFound,
    /// What is in a group is for its members.
    #[error("not a member of the group")]
    NotAMember,
    /// The group has as many members as it may have.
    #[error("the group is full")]
    GroupFull,
    /// The conversation has no such message.
    #[error("no such message")]
    MessageNotFound,
    /// The rows can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for SocialError {
    fn code(&self) -> Code {
        match self {
            Self::Field(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::FollowsTooMany => Code::Conflict,
            Self::GroupNotFound => Code::GroupNotFound,
            Self::NotAMember => Code::NotAMember,
            Self::GroupFull => Code::GroupFull,
            Self::MessageNotFound => Code::MessageNotFound,
            Self::Store(error) => error.code(),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Field(error) => error.public_message(),
            Self::FollowsTooMany => format!("nobody may follow more than {FOLLOWING_MAX} users"),
            _ => self.code().message().to_owned(),
        }
    }
}
