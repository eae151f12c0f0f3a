//! The first field of every answer: made on the serving side, looked at on the calling side.

use std::{error::Error, fmt::Write};

use fanone_base::{Code, Failure};
use volo_gen::fanone::base::BaseResp;
use volo_thrift::ServerError;

use crate::{CallError, error::refusal};

/// What a handler answers: success with a value, an expected outcome without one, or, for a
/// [`Code::Internal`], an exception that tells the caller nothing; the log gets the whole story.
pub fn reply<T, E: Failure>(result: Result<T, E>) -> Result<(BaseResp, Option<T>), ServerError> {
    let error = match result {
        Ok(value) => {
            let base = BaseResp { code: Code::Success.number(), msg: Code::Success.message().into() };
            return Ok((base, Some(value)));
        }
        Err(error) => error,
    };
    match error.code() {
        Code::Internal => {
            tracing::error!(error = story(&error), "a request failed");
            Err(refusal(Code::Internal))
        }
        code => Ok((BaseResp { code: code.number(), msg: error.public_message().into() }, None)),
    }
}

/// Success, or what the called service says instead.
pub fn check(base: BaseResp) -> Result<(), CallError> {
    match Code::from_number(base.code) {
        Some(Code::Success) => Ok(()),
        Some(code) => Err(CallError::Answer { code, message: base.msg.to_string() }),
        // A code of a newer version.
        None => Err(CallError::Fault(format!("unknown code {}: {}", base.code, base.msg))),
    }
}

/// The error and its causes in one line.
fn story(error: &impl Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text cannot fail.
        let _ = write!(story, ": {error}");
        cause = error.source();
    }
    story
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct Broken(#[source] std::io::Error);

    impl Failure for Broken {
        fn code(&self) -> Code {
            Code::Internal
        }
    }

    #[test]
    fn success_and_expected_outcomes_are_answers() {
        let (base, value) = reply::<_, fanone_base::InvalidField>(Ok(5)).unwrap();
        assert_eq!((base.code, value), (10000, Some(5)));
        assert!(check(base).is_ok());

        let refused = fanone_base::InvalidField::new("name", "must not be empty");
        let (base, value) = reply::<i32, _>(Err(refused)).unwrap();
        assert_eq!((base.code, base.msg.as_str(), value), (10002, "name: must not be empty", None));
        let Err(CallError::Answer { code, message }) = check(base) else { panic!("is an answer") };
        assert_eq!((code, message.as_str()), (Code::Parameter, "name: must not be empty"));
    }

    #[test]
    fn a_fault_is_an_exception_that_tells_nothing() {
        let broken = Broken(std::io::Error::other("secret path"));
        assert_eq!(story(&broken), "the disk is full: secret path");
        let error = reply::<(), _>(Err(broken)).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains("10001"), "{error}");
    }
}
