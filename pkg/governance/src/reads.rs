//! Which methods may be called twice. Rules from outside can narrow this, never widen it.

/// Methods that only read, by service. A call of one may be made again when its first attempt brought nothing, or beside it.
pub const READS: &[(&str, &[&str])] = &[
    ("fanone.user", &["GetUsers", "FindUser", "SearchPictures", "ListUndescribed"]),
    ("fanone.video", &["GetVideos", "Feed", "ListVideos", "Popular", "Search", "GetUpload"]),
    ("fanone.interaction", &["ListLiked", "ListComments"]),
    (
        "fanone.social",
        &[
            "ListFollowing",
            "ListFollowers",
            "ListFriends",
            "History",
            "UnreadSummary",
            "ListGroups",
            "ListMembers",
        ],
    ),
    ("fanone.embedding", &["Embed"]),
];

/// All other methods: a call of one may have been carried out though no answer came. A test holds that each method of
/// `idl/` stands in one of the two lists.
pub const CHANGES: &[(&str, &[&str])] = &[
    (
        "fanone.user",
        &[
            "Register",
            "Login",
            "RenewAccess",
            "RotateTokens",
            "Logout",
            "SetAvatar",
            "BeginMfa",
            "BindMfa",
            "UnbindMfa",
            "SetVectors",
            "ApplyEvents",
        ],
    ),
    ("fanone.video", &["Publish", "Visit", "DeleteVideo", "CreateUpload", "DeleteUpload", "ApplyEvents"]),
    ("fanone.interaction", &["Like", "PublishComment", "DeleteComment"]),
    (
        "fanone.social",
        &["Follow", "SendMessage", "TakeUnread", "MarkRead", "CreateGroup", "JoinGroup", "LeaveGroup"],
    ),
];

/// Whether a method may be called twice. What is in no list may not.
#[must_use]
pub fn is_read(service: &str, method: &str) -> bool {
    READS.iter().any(|(name, methods)| *name == service && methods.contains(&method))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fanone_identity::permissions;

    use super::*;

    /// The table of permissions has every method of `idl/`; a test of its own holds that.
    #[test]
    fn every_method_reads_or_changes_and_none_does_both() {
        let declared: BTreeSet<(&str, &str)> = permissions::SERVICES
            .iter()
            .chain(&[permissions::EMBEDDING])
            .flat_map(|service| permissions::methods(service).map(move |method| (*service, method)))
            .collect();
        let all = |list: &'static [(&str, &[&str])]| {
            list.iter().flat_map(|(service, methods)| methods.iter().map(move |method| (*service, *method)))
        };
        let listed: Vec<(&str, &str)> = all(READS).chain(all(CHANGES)).collect();
        assert_eq!(listed.len(), declared.len(), "one stands twice, or is missing");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), declared);
    }

    #[test]
    fn what_is_not_known_is_not_repeated() {
        assert!(is_read("fanone.user", "GetUsers"));
        assert!(!is_read("fanone.user", "Login"));
        assert!(!is_read("fanone.video", "GetUsers"));
        assert!(!is_read("someone.else", "GetUsers"));
    }
}
