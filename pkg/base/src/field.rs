//! The refusal of one field of a request.

use std::borrow::Cow;

use crate::{Code, Failure};

/// A field that is missing or wrong. The message names the field as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidField {
    /// The field's name in the request.
    pub field: Cow<'static, str>,
    /// What is expected of it.
    pub reason: String,
}

impl InvalidField {
    /// Refuses `field` for `reason`, which says what is expected.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// The refusal of a required field that was not sent.
    pub fn missing(field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(field, "is required")
    }
}

impl Failure for InvalidField {
    fn code(&self) -> Code {
        Code::Parameter
    }

    fn public_message(&self) -> String {
        self.to_string()
    }
}
