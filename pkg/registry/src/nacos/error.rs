//! What can go wrong with Nacos.

use std::{error::Error, time::Duration};

/// Nacos could not be asked, or refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum NacosError {
    /// Nobody answers over HTTP.
    #[error("Nacos does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// The port is closed.
    #[error("Nacos does not answer")]
    Closed(#[source] std::io::Error),
    /// It does not take the user or the password.
    #[error("Nacos refuses the user or the password: HTTP {0}")]
    Refused(u16),
    /// It answers what is no HTTP: 2.3.2 does so, with the status 0, for a wrong password.
    #[error("Nacos refuses the user or the password, or broke off")]
    NoAnswer(#[source] reqwest::Error),
    /// It took too long.
    #[error("Nacos did not answer within {0:?}")]
    Late(Duration),
    /// Its client says so.
    #[error("the client of Nacos failed")]
    Client(#[from] nacos_sdk::api::error::Error),
}

impl NacosError {
    /// The error with its causes, for the log.
    pub(super) fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}
