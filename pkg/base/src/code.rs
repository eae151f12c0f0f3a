//! The one table of error codes. Answers, documentation and tests are all made from it.

use serde::Serialize;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $message:literal;)+) => {
        /// The outcome of an operation, as clients see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[repr(i32)]
        pub enum Code {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// The number in `base.code`.
            pub const fn number(self) -> i32 {
                match self { $(Code::$name => $number,)+ }
            }

            /// The name in the code and the documentation.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$name => stringify!($name),)+ }
            }

            /// What `base.msg` says unless there is something more precise to say.
            pub const fn message(self) -> &'static str {
                match self { $(Code::$name => $message,)+ }
            }

            /// What the code means, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+),)+ }
            }

            /// The code with this number.
            pub const fn from_number(number: i32) -> Option<Code> {
                match number { $($number => Some(Code::$name),)+ _ => None }
            }
        }
    };
}

codes! {
    /// The operation did what it says.
    Success = 10000, "success";
    /// A fault on our side; the log knows more.
    Internal = 10001, "internal error";
    /// A parameter is missing or wrong; the message names it.
    Parameter = 10002, "parameter error";
    /// There is no such thing.
    NotFound = 10003, "not found";
    /// The request contradicts what is stored.
    Conflict = 10004, "conflict";
    /// Too many requests in a short time; wait and try again.
    TooManyRequests = 10005, "too many requests";
    /// A part of the site is slow or down; try again later.
    Unavailable = 10006, "temporarily unavailable";
    /// The operation needs a valid access token.
    NotLoggedIn = 11001, "not logged in";
    /// The access token has expired; use the refresh token.
    AccessExpired = 11002, "access token expired";
    /// The refresh token is wrong, expired, used before, or revoked; log in again.
    RefreshInvalid = 11003, "refresh token invalid";
    /// The user name or the password is wrong.
    WrongCredentials = 11004, "wrong user name or password";
    /// The account has MFA bound: send `code` too.
    MfaRequired = 11005, "MFA code required";
    /// The MFA code is wrong or was used before.
    WrongMfaCode = 11006, "wrong MFA code";
    /// Too many failures; the account waits a few minutes.
    Locked = 11007, "locked after too many failures, try again in a few minutes";
    /// Somebody else's object, or a caller that may not do this.
    Forbidden = 11008, "forbidden";
    /// There is no such user.
    UserNotFound = 12001, "user not found";
    /// The user name is in use.
    UsernameTaken = 12002, "user name is taken";
    /// MFA is bound already; unbind it first.
    MfaAlreadyBound = 12003, "MFA is already bound";
    /// MFA is not bound.
    MfaNotBound = 12004, "MFA is not bound";
    /// There is no pending MFA secret, or it is older than 10 minutes; ask for a QR code first.
    NoPendingMfa = 12005, "no pending MFA secret, get a QR code first";
    /// The file is no JPEG, PNG, WebP or GIF picture that can be read.
    NotAPicture = 12006, "not a readable JPEG, PNG, WebP or GIF picture";
    /// No picture in the library is like this one.
    NoPictureFound = 12007, "no picture found";
    /// There is no such video.
    VideoNotFound = 13001, "video not found";
    /// The file is no MP4, MOV, WebM, MKV, FLV or TS video.
    NotAVideo = 13002, "not an MP4, MOV, WebM, MKV, FLV or TS video";
    /// There is no such upload, or it has expired.
    UploadNotFound = 13003, "upload not found";
    /// `Upload-Offset` is not where the upload stopped.
    UploadOffset = 13004, "upload offset does not fit";
    /// The bytes do not have the checksum that was sent with them.
    UploadChecksum = 13005, "checksum does not fit";
    /// `Tus-Resumable` is missing or not 1.0.0.
    UploadVersion = 13006, "unsupported tus version";
    /// There is no such comment.
    CommentNotFound = 14001, "comment not found";
    /// There is no such group.
    GroupNotFound = 15001, "group not found";
    /// The user is not a member of the group.
    NotAMember = 15002, "not a member of the group";
    /// The group has as many members as it may have.
    GroupFull = 15003, "group is full";
    /// There is no such conversation or message.
    MessageNotFound = 15004, "message not found";
}

/// An error of a layer that knows what to tell the user.
pub trait Failure: std::error::Error {
    /// The code in the answer. [`Code::Internal`] marks a fault of ours, which is logged.
    fn code(&self) -> Code;

    /// The text in the answer. It must hold nothing that the user may not know.
    fn public_message(&self) -> String {
        self.code().message().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_once_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
    }

    #[test]
    fn a_number_leads_back_to_its_code() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
        assert_eq!(Code::from_number(1), None);
    }
}
