//! What is wrong with the settings, and where it was set.

use std::fmt;
use std::path::PathBuf;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The embedded default document.
    Default,
    /// Left empty, so made from another setting.
    Derived(&'static str),
    /// A settings file; the line counts from 1 and is missing where the file as a whole is meant.
    File(PathBuf, Option<usize>),
    /// The environment variable of this name.
    Environment(String),
    /// A document of this name on Nacos; the line counts from 1.
    Nacos(String, Option<usize>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(from) => write!(f, "from {from}"),
            Self::File(path, Some(line)) => write!(f, "file {}:{line}", path.display()),
            Self::File(path, None) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Nacos(name, Some(line)) => write!(f, "nacos {name}:{line}"),
            Self::Nacos(name, None) => write!(f, "nacos {name}"),
        }
    }
}

/// One wrong setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `section.key`, or the name of a key at the top; empty where a whole file is meant.
    pub key: String,
    /// Where the wrong value was set.
    pub origin: Origin,
    /// What is wrong and what was expected; secrets are masked.
    pub problem: String,
}

impl Fault {
    pub(crate) fn new(key: &str, origin: Origin, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), origin, problem: problem.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return write!(f, "{}: {}", self.origin, self.problem);
        }
        write!(f, "{} ({}): {}", self.key, self.origin, self.problem)
    }
}

/// Every fault of the settings, found in one go. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub(crate) Vec<Fault>);

impl ConfigErrors {
    /// Faults that showed when the settings were used; none if there are none.
    #[must_use]
    pub fn of(faults: Vec<Fault>) -> Option<Self> {
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// These faults and `more`.
    #[must_use]
    pub fn and(mut self, more: Vec<Fault>) -> Self {
        self.0.extend(more);
        self
    }

    /// The faults, in the order in which they were found.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings have {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl std::error::Error for ConfigErrors {}
