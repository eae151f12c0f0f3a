//! The one table of who may call what. A test holds it against `idl/*.thrift`.

use std::collections::HashMap;

/// For whom a method acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForWhom {
    /// No user is involved; a user token is not even looked at.
    Nobody,
    /// The call must carry the access token of the user it acts for.
    User,
}
use ForWhom::{Nobody, User};

/// Every service, by the name in its tokens and in the registry.
pub const SERVICES: &[&str] =
    &["fanone.user", "fanone.video", "fanone.interaction", "fanone.social", "fanone.http"];

const FRONT: &[&str] = &["fanone.http"];
const VIDEO_COUNTERS: &[&str] = &["fanone.interaction"];
const USER_COUNTERS: &[&str] = &["fanone.video", "fanone.social"];

/// The upkeep of the pictures' vectors, by which all searches go: for our own front alone.
const UPKEEP: &[&str] = &["ListUndescribed", "SetVectors"];

/// A service whose server is not ours: it may have any model behind it, written in any language. It only answers, so it
/// has no key of its own and calls nobody.
pub const EMBEDDING: &str = "fanone.embedding";

/// Service, method, callers, for whom.
type Row = (&'static str, &'static str, &'static [&'static str], ForWhom);

const TABLE: &[Row] = &[
    ("fanone.user", "Register", FRONT, Nobody),
    ("fanone.user", "Login", FRONT, Nobody),
    ("fanone.user", "RenewAccess", FRONT, Nobody),
    ("fanone.user", "RotateTokens", FRONT, Nobody),
    ("fanone.user", "Logout", FRONT, User),
    ("fanone.user", "GetUsers", FRONT, Nobody),
    ("fanone.user", "FindUser", FRONT, Nobody),
    ("fanone.user", "SetAvatar", FRONT, User),
    ("fanone.user", "BeginMfa", FRONT, User),
    ("fanone.user", "BindMfa", FRONT, User),
    ("fanone.user", "UnbindMfa", FRONT, User),
    ("fanone.user", "SearchPictures", FRONT, Nobody),
    ("fanone.user", "ListUndescribed", FRONT, Nobody),
    ("fanone.user", "SetVectors", FRONT, Nobody),
    ("fanone.user", "ApplyEvents", USER_COUNTERS, Nobody),
    ("fanone.video", "Publish", FRONT, User),
    ("fanone.video", "GetVideos", FRONT, Nobody),
    ("fanone.video", "Feed", FRONT, Nobody),
    ("fanone.video", "ListVideos", FRONT, Nobody),
    ("fanone.video", "Popular", FRONT, Nobody),
    ("fanone.video", "Search", FRONT, Nobody),
    ("fanone.video", "Visit", FRONT, Nobody),
    ("fanone.video", "DeleteVideo", FRONT, User),
    ("fanone.video", "CreateUpload", FRONT, User),
    ("fanone.video", "GetUpload", FRONT, User),
    ("fanone.video", "DeleteUpload", FRONT, User),
    ("fanone.video", "ApplyEvents", VIDEO_COUNTERS, Nobody),
    ("fanone.interaction", "Like", FRONT, User),
    ("fanone.interaction", "ListLiked", FRONT, Nobody),
    ("fanone.interaction", "PublishComment", FRONT, User),
    ("fanone.interaction", "ListComments", FRONT, Nobody),
    ("fanone.interaction", "DeleteComment", FRONT, User),
    ("fanone.social", "Follow", FRONT, User),
    ("fanone.social", "ListFollowing", FRONT, Nobody),
    ("fanone.social", "ListFollowers", FRONT, Nobody),
    ("fanone.social", "ListFriends", FRONT, User),
    ("fanone.social", "SendMessage", FRONT, User),
    ("fanone.social", "History", FRONT, User),
    ("fanone.social", "TakeUnread", FRONT, User),
    ("fanone.social", "UnreadSummary", FRONT, User),
    ("fanone.social", "MarkRead", FRONT, User),
    ("fanone.social", "CreateGroup", FRONT, User),
    ("fanone.social", "JoinGroup", FRONT, User),
    ("fanone.social", "LeaveGroup", FRONT, User),
    ("fanone.social", "ListGroups", FRONT, User),
    ("fanone.social", "ListMembers", FRONT, User),
    ("fanone.embedding", "Embed", FRONT, Nobody),
];

/// The rule of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    callers: Vec<Box<str>>,
    for_whom: ForWhom,
}

impl Rule {
    /// Whether the service `name` may call the method.
    pub fn admits(&self, name: &str) -> bool {
        self.callers.iter().any(|caller| **caller == *name)
    }

    /// For whom the method acts.
    pub fn for_whom(&self) -> ForWhom {
        self.for_whom
    }
}

/// The rules of one service, by method.
#[derive(Clone, Debug, Default)]
pub struct Permissions(HashMap<&'static str, Rule>);

impl Permissions {
    /// The part of the table that is about `service`. What is not in it is forbidden.
    pub fn of(service: &str) -> Self {
        let own = TABLE.iter().filter(|(name, ..)| *name == service);
        Self(
            own.map(|(_, method, callers, for_whom)| {
                let callers = callers.iter().map(|caller| Box::from(*caller)).collect();
                (*method, Rule { callers, for_whom: *for_whom })
            })
            .collect(),
        )
    }

    /// Lets foreign programs call whatever the front calls for its users.
    #[must_use]
    pub(crate) fn with_clients(mut self, clients: &[String]) -> Self {
        for (method, rule) in &mut self.0 {
            if !UPKEEP.contains(method) && FRONT.iter().all(|front| rule.admits(front)) {
                rule.callers.extend(clients.iter().map(|name| Box::from(name.as_str())));
            }
        }
        self
    }

    /// The rule of `method`.
    pub fn rule(&self, method: &str) -> Option<&Rule> {
        self.0.get(method)
    }
}

/// Every method of `service`.
pub fn methods(service: &str) -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(move |(name, ..)| *name == service).map(|(_, method, ..)| *method)
}

/// The services that `client` calls.
pub fn callees(client: &str) -> impl Iterator<Item = &'static str> {
    SERVICES.iter().copied().chain([EMBEDDING]).filter(move |service| {
        TABLE.iter().any(|(name, _, callers, _)| name == service && callers.contains(&client))
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    /// The methods in `idl/`, each with whether the comment above it begins with "auth".
    fn declared() -> BTreeMap<(String, String), ForWhom> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../idl");
        let mut found = BTreeMap::new();
        for file in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let namespace = text.lines().find_map(|line| line.strip_prefix("namespace rs ")).unwrap();
            let Some((_, body)) = text.split_once("\nservice ") else { continue };
            let mut for_whom = Nobody;
            for line in body.lines().skip(1).map(str::trim).take_while(|line| *line != "}") {
                if let Some(comment) = line.strip_prefix("//") {
                    for_whom = if comment.trim().starts_with("auth") { User } else { for_whom };
                } else if let Some((head, _)) = line.split_once('(') {
                    let method = head.split_whitespace().last().unwrap();
                    found.insert((namespace.to_owned(), method.to_owned()), for_whom);
                    for_whom = Nobody;
                }
            }
        }
        found
    }

    #[test]
    fn the_table_has_every_method_of_the_idl_and_no_other() {
        let table: BTreeMap<_, _> = TABLE
            .iter()
            .map(|(service, method, _, for_whom)| ((service.to_string(), method.to_string()), *for_whom))
            .collect();
        assert_eq!(table.len(), TABLE.len(), "no method stands twice");
        assert_eq!(table, declared());
    }

    #[test]
    fn a_foreign_program_may_call_what_the_front_calls_for_users_and_no_more() {
        let rules = Permissions::of("fanone.user").with_clients(&["my.program".to_owned()]);
        assert!(rules.rule("Login").unwrap().admits("my.program"));
        for method in ["ApplyEvents", "ListUndescribed", "SetVectors"] {
            assert!(!rules.rule(method).unwrap().admits("my.program"), "{method}");
        }
        assert!(!rules.rule("Login").unwrap().admits("other.program"));
    }

    #[test]
    fn every_caller_is_a_service() {
        for (service, _, callers, _) in TABLE {
            assert!(SERVICES.contains(service) || *service == EMBEDDING);
            assert!(!callers.is_empty());
            assert!(callers.iter().all(|caller| SERVICES.contains(caller)));
        }
    }

    #[test]
    fn counters_are_applied_for_the_services_below_only() {
        let video = Permissions::of("fanone.video");
        let rule = video.rule("ApplyEvents").unwrap();
        assert!(rule.admits("fanone.interaction"));
        assert!(!rule.admits("fanone.http"));
        let user = Permissions::of("fanone.user");
        let rule = user.rule("ApplyEvents").unwrap();
        assert!(rule.admits("fanone.video") && rule.admits("fanone.social"));
        assert!(!rule.admits("fanone.interaction"));
    }

    #[test]
    fn a_service_calls_those_that_have_a_method_for_it() {
        let callees = |client| callees(client).collect::<Vec<_>>();
        assert_eq!(
            callees("fanone.http"),
            ["fanone.user", "fanone.video", "fanone.interaction", "fanone.social", EMBEDDING]
        );
        assert_eq!(callees("fanone.video"), ["fanone.user"]);
        assert!(callees("fanone.user").is_empty());
    }

    #[test]
    fn what_is_not_in_the_table_has_no_rule() {
        assert_eq!(Permissions::of("fanone.user").rule("Publish"), None);
        assert_eq!(Permissions::of("fanone.nothing").rule("Login"), None);
    }
}
