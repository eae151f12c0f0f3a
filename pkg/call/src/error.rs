//! How a call can fail, and how a failure travels.
//!
//! What a layer refuses is no answer of the method, so it cannot be in `base`. It travels as a
//! Thrift application exception whose type is the code and whose text is `<code> <message>`, so
//! that any Thrift client can tell refusals apart.

use fanone_base::{Code, Failure};
use volo_thrift::{ApplicationException, ApplicationExceptionKind, ClientError, ServerError};

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No answer came in time; whether the call was carried out is unknown.
    #[error("no answer came in time")]
    Timeout,
    /// No instance could be reached, or the connection broke.
    #[error("the service cannot be reached: {0}")]
    Unavailable(String),
    /// The service refused before its logic saw the call: identity, permission, load.
    #[error("the service refused the call: {}", .0.message())]
    Refused(Code),
    /// The service answered something other than success.
    #[error("the service answered {}: {message}", code.number())]
    Answer {
        /// Its code.
        code: Code,
        /// Its message, which may be shown to users.
        message: String,
    },
    /// The service failed, or was not understood.
    #[error("the call failed: {0}")]
    Fault(String),
}

impl Failure for CallError {
    fn code(&self) -> Code {
        match self {
            Self::Timeout | Self::Unavailable(_) => Code::Unavailable,
            // Which service may call which is our own matter, no user's.
            Self::Refused(Code::Forbidden) | Self::Fault(_) => Code::Internal,
            Self::Refused(code) | Self::Answer { code, .. } => *code,
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Answer { message, .. } => message.clone(),
            _ => self.code().message().to_owned(),
        }
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Transport(error) => Self::Unavailable(error.to_string()),
            ClientError::Application(error) => match Code::from_number(error.kind().as_i32()) {
                Some(Code::Unavailable) if error.message() == TIMED_OUT => Self::Timeout,
                Some(Code::Unavailable) => Self::Unavailable(error.message().to_string()),
                Some(Code::Internal) | None => Self::Fault(error.to_string()),
                Some(code) => Self::Refused(code),
            },
            ClientError::Protocol(_) | ClientError::Biz(_) => Self::Fault(error.to_string()),
        }
    }
}

const TIMED_OUT: &str = "10006 timed out";

/// The exception that refuses a call with `code`.
pub(crate) fn refusal(code: Code) -> ServerError {
    exception(code, format!("{} {}", code.number(), code.message())).into()
}

/// The exception that ends a call whose time is over; the same on both sides.
pub(crate) fn timed_out() -> ApplicationException {
    exception(Code::Unavailable, TIMED_OUT)
}

/// The exception of a call that reached no instance.
pub(crate) fn unreachable(reason: &str) -> ApplicationException {
    exception(Code::Unavailable, format!("10006 {reason}"))
}

fn exception(code: Code, text: impl Into<volo::FastStr>) -> ApplicationException {
    ApplicationException::new(ApplicationExceptionKind::from(code.number()), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(error: ServerError) -> CallError {
        let ServerError::Application(error) = error else { panic!("is an application exception") };
        ClientError::Application(error).into()
    }

    #[test]
    fn a_refusal_arrives_as_its_code() {
        for code in [Code::NotLoggedIn, Code::AccessExpired, Code::Forbidden, Code::TooManyRequests] {
            assert_eq!(received(refusal(code)), CallError::Refused(code));
        }
    }

    #[test]
    fn a_timeout_is_told_apart_from_an_outage() {
        assert_eq!(CallError::from(ClientError::from(timed_out())), CallError::Timeout);
        let outage = CallError::from(ClientError::from(unreachable("no instance")));
        assert_eq!(outage, CallError::Unavailable("10006 no instance".to_owned()));
        assert_eq!(outage.public_message(), "temporarily unavailable");
    }

    #[test]
    fn that_a_service_may_not_call_another_is_no_users_matter() {
        assert_eq!(CallError::Refused(Code::Forbidden).code(), Code::Internal);
        assert_eq!(CallError::Refused(Code::AccessExpired).code(), Code::AccessExpired);
    }
}
