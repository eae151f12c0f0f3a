//! The roles that the program plays, and the service names by which they know each other.

use std::fmt;
use std::str::FromStr;

/// A part of the site that can run in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Accounts, tokens, avatars.
    User,
    /// Videos, feed, ranking, search.
    Video,
    /// Likes and comments.
    Interaction,
    /// Follows, chat, groups.
    Social,
    /// The HTTP front; it has no Thrift port and no database.
    Http,
}

impl Role {
    /// Every role, in the order in which they start.
    pub const ALL: [Self; 5] = [Self::User, Self::Video, Self::Interaction, Self::Social, Self::Http];

    /// The name on the command line and of the section in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Video => "video",
            Self::Interaction => "interaction",
            Self::Social => "social",
            Self::Http => "http",
        }
    }

    /// The name in the registry and in service tokens.
    #[must_use]
    pub const fn service_name(self) -> &'static str {
        match self {
            Self::User => "fanone.user",
            Self::Video => "fanone.video",
            Self::Interaction => "fanone.interaction",
            Self::Social => "fanone.social",
            Self::Http => "fanone.http",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no role.
#[derive(Debug, thiserror::Error)]
#[error("no such role; roles are user, video, interaction, social, http")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}
