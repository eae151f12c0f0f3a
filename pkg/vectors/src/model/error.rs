//! What can go wrong with a model.

use std::{io, path::PathBuf, time::Duration};

use fanone_base::{Code, Failure};
use fanone_call::CallError;
use fanone_telemetry::names;

use crate::VectorError;

/// Why a model cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file.
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file is longer than any model that a front should run.
    #[error("{} has more than {max} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most bytes.
        max: u64,
    },
    /// The file holds no network, or one with something in it that can't be run here.
    #[error("{} holds no ONNX network that can be run: {reason}", .path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// The network does not take a picture and give a vector.
    #[error("{} does not fit: {reason}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is otherwise than it must be.
        reason: String,
    },
}

/// Why there is no vector of a picture. It is the model's fault, not the picture's.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It took too long.
    #[error("the model took longer than {0:?}")]
    Timeout(Duration),
    /// It can't be reached.
    #[error("the model can't be reached")]
    Unreachable(#[source] CallError),
    /// The name of its host is not known.
    #[error("the host of the model can't be found")]
    NoHost(#[source] io::Error),
    /// It could not be reached a moment ago, and nobody waits for it again so soon.
    #[error("the model could not be reached a moment ago")]
    Resting,
    /// It has said no.
    #[error("the model refused")]
    Refused(#[source] CallError),
    /// It answers for another model than it was asked for.
    #[error("the answer is of the model {actual:?}, {expected:?} was asked for")]
    Name {
        /// The model that is configured.
        expected: String,
        /// The one that has answered.
        actual: String,
    },
    /// Its vector does not fit.
    #[error("the model's vector does not fit")]
    Vector(#[from] VectorError),
    /// The network could not be computed.
    #[error("the network failed: {0}")]
    Network(String),
    /// The picture can't be written down for it.
    #[error("the picture can't be encoded")]
    Encoding(#[from] image::ImageError),
    /// A worker thread broke off.
    #[error("a worker thread broke off")]
    Worker(#[from] tokio::task::JoinError),
    /// The workers were shut down.
    #[error("the workers are shut down")]
    Closed(#[from] tokio::sync::AcquireError),
}

/// Why embeddings fail, as metrics say it.
const REASONS: [&str; 6] = ["timeout", "unreachable", "resting", "refused", "answer", "fault"];

/// An alert needs the series before the first failure.
pub(super) fn count_from_zero() {
    for reason in REASONS {
        metrics::counter!(names::MODEL_FAILURES, "reason" => reason).increment(0);
    }
}

impl ModelError {
    /// Whether another picture may fare better: this one was looked at, and nothing came of it.
    pub fn is_about_one_picture(&self) -> bool {
        matches!(self.reason(), "refused" | "answer" | "fault")
    }

    pub(super) fn count(&self) {
        metrics::counter!(names::MODEL_FAILURES, "reason" => self.reason()).increment(1);
    }

    /// One of [`REASONS`].
    fn reason(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) | Self::NoHost(_) => "unreachable",
            Self::Resting => "resting",
            Self::Refused(_) => "refused",
            Self::Name { .. } | Self::Vector(_) => "answer",
            Self::Network(_) | Self::Encoding(_) | Self::Worker(_) | Self::Closed(_) => "fault",
        }
    }
}

impl Failure for ModelError {
    /// Whatever is wrong with the model, it will be put right; what does not need it goes on.
    fn code(&self) -> Code {
        Code::Unavailable
    }
}
