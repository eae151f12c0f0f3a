//! What can go wrong in this service, and what the user is told.

use fanone_base::{Code, Failure, InvalidField};
use fanone_identity::{IdentityError, KeyError, TokenError};
use fanone_store::StoreError;
use fanone_vectors::VectorError;

use crate::{passwords::PasswordError, seal::SealError};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    #[error(transparent)]
    Field(#[from] InvalidField),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("user name is taken")]
    UsernameTaken,
    #[error("user not found")]
    UserNotFound,
    #[error("wrong user name or password")]
    WrongCredentials,
    #[error("locked after too many failures")]
    Locked,
    #[error("refresh token invalid")]
    RefreshInvalid,
    #[error("MFA code required")]
    MfaRequired,
    #[error("wrong MFA code")]
    WrongMfaCode,
    #[error("MFA is already bound")]
    MfaAlreadyBound,
    #[error("MFA is not bound")]
    MfaNotBound,
    #[error("no pending MFA secret")]
    NoPendingMfa,
    /// Several new ids in a row were in use, which does not happen by chance.
    #[error("no free id")]
    NoFreeId,
    #[error("store")]
    Store(#[from] StoreError),
    #[error("password")]
    Password(#[from] PasswordError),
    #[error("MFA secret")]
    Seal(#[from] SealError),
    #[error("MFA secret")]
    Totp(#[from] totp_rs::TotpError),
    #[error("token")]
    Signing(#[source] TokenError),
    #[error("picture library")]
    Vector(#[from] VectorError),
}

impl From<TokenError> for UserError {
    /// Of a token that a user sent. One that we could not make is our fault.
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing | TokenError::Expired | TokenError::Invalid => Self::RefreshInvalid,
            TokenError::Signing(_) => Self::Signing(error),
        }
    }
}

impl Failure for UserError {
    fn code(&self) -> Code {
        match self {
            Self::Field(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::UsernameTaken => Code::UsernameTaken,
            Self::UserNotFound => Code::UserNotFound,
            Self::WrongCredentials => Code::WrongCredentials,
            Self::Locked => Code::Locked,
            Self::RefreshInvalid => Code::RefreshInvalid,
            Self::MfaRequired => Code::MfaRequired,
            Self::WrongMfaCode => Code::WrongMfaCode,
            Self::MfaAlreadyBound => Code::MfaAlreadyBound,
            Self::MfaNotBound => Code::MfaNotBound,
            Self::NoPendingMfa => Code::NoPendingMfa,
            Self::Store(error) => error.code(),
            Self::Vector(error) => error.code(),
            Self::Password(PasswordError::Busy(_)) => Code::Unavailable,
            Self::NoFreeId | Self::Password(_) | Self::Seal(_) | Self::Totp(_) | Self::Signing(_) => {
                Code::Internal
            }
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Field(error) => error.public_message(),
            _ => self.code().message().to_owned(),
        }
    }
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A key that it needs.
    #[error("a key of the user service")]
    Key(#[from] KeyError),
    /// Its database.
    #[error("the database of the user service")]
    Store(#[from] StoreError),
}
