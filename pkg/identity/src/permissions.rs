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

/// Who may call a method.
#[derive(Clone, Copy, Debug)]
enum Callers {
    /// What the front calls for its users: foreign programs that the settings name may, too.
    Clients,
    /// Of our own services these.
    Only(&'static [&'static str]),
}
use Callers::{Clients, Only};

impl Callers {
    /// Those of our own services.
    const fn own(self) -> &'static [&'static str] {
        match self {
            Clients => &["fanone.http"],
            Only(services) => services,
        }
    }
}

/// The front alone: the model, and the vectors of the pictures, by which all searches go.
const FRONT: Callers = Only(&["fanone.http"]);
const VIDEO_COUNTERS: Callers = Only(&["fanone.interaction"]);
const USER_COUNTERS: Callers = Only(&["fanone.video", "fanone.social"]);

/// A service whose server is not ours: it may have any model behind it, written in any language. It only answers, so it
/// has no key of its own and calls nobody.
pub const EMBEDDING: &str = "fanone.embedding";

/// Service, method, callers, for whom.
type Row = (&'static str, &'static str, Callers, ForWhom);

const TABLE: &[Row] = &[
    ("fanone.user", "Register", Clients, Nobody),
    ("fanone.user", "Login", Clients, Nobody),
    ("fanone.user", "RenewAccess", Clients, Nobody),
    ("fanone.user", "RotateTokens", Clients, Nobody),
    ("fanone.user", "Logout", Clients, User),
    ("fanone.user", "GetUsers", Clients, Nobody),
    ("fanone.user", "FindUser", Clients, Nobody),
    ("fanone.user", "SetAvatar", Clients, User),
    ("fanone.user", "BeginMfa", Clients, User),
    ("fanone.user", "BindMfa", Clients, User),
    ("fanone.user", "UnbindMfa", Clients, User),
    ("fanone.user", "SearchPictures", Clients, Nobody),
    ("fanone.user", "ListUndescribed", FRONT, Nobody),
    ("fanone.user", "SetVectors", FRONT, Nobody),
    ("fanone.user", "ApplyEvents", USER_COUNTERS, Nobody),
    ("fanone.video", "Publish", Clients, User),
    ("fanone.video", "GetVideos", Clients, Nobody),
    ("fanone.video", "Feed", Clients, Nobody),
    ("fanone.video", "ListVideos", Clients, Nobody),
    ("fanone.video", "Popular", Clients, Nobody),
    ("fanone.video", "Search", Clients, Nobody),
    ("fanone.video", "Visit", Clients, Nobody),
    ("fanone.video", "DeleteVideo", Clients, User),
    ("fanone.video", "CreateUpload", Clients, User),
    ("fanone.video", "GetUpload", Clients, User),
    ("fanone.video", "DeleteUpload", Clients, User),
    ("fanone.video", "ApplyEvents", VIDEO_COUNTERS, Nobody),
    ("fanone.interaction", "Like", Clients, User),
    ("fanone.interaction", "ListLiked", Clients, Nobody),
    ("fanone.interaction", "PublishComment", Clients, User),
    ("fanone.interaction", "ListComments", Clients, Nobody),
    ("fanone.interaction", "DeleteComment", Clients, User),
    ("fanone.social", "Follow", Clients, User),
    ("fanone.social", "ListFollowing", Clients, Nobody),
    ("fanone.social", "ListFollowers", Clients, Nobody),
    ("fanone.social", "ListFriends", Clients, User),
    ("fanone.social", "SendMessage", Clients, User),
    ("fanone.social", "History", Clients, User),
    ("fanone.social", "TakeUnread", Clients, User),
    ("fanone.social", "UnreadSummary", Clients, User),
    ("fanone.social", "MarkRead", Clients, User),
    ("fanone.social", "CreateGroup", Clients, User),
    ("fanone.social", "JoinGroup", Clients, User),
    ("fanone.social", "LeaveGroup", Clients, User),
    ("fanone.social", "ListGroups", Clients, User),
    ("fanone.social", "ListMembers", Clients, User),
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
    /// The part of the table that is about `service`, with the foreign programs `clients`. What is not in it is forbidden.
    pub fn of(service: &str, clients: &[String]) -> Self {
        let own = TABLE.iter().filter(|(name, ..)| *name == service);
        let rule = |(_, method, callers, for_whom): &Row| {
            let foreign = if matches!(callers, Clients) { clients } else { &[] };
            let callers = callers.own().iter().copied().chain(foreign.iter().map(String::as_str));
            (*method, Rule { callers: callers.map(Box::from).collect(), for_whom: *for_whom })
        };
        Self(own.map(rule).collect())
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
        TABLE.iter().any(|(name, _, callers, _)| name == service && callers.own().contains(&client))
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
        let rules = Permissions::of("fanone.user", &["my.program".to_owned()]);
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
            assert!(!callers.own().is_empty());
            assert!(callers.own().iter().all(|caller| SERVICES.contains(caller)));
        }
    }

    #[test]
    fn counters_are_applied_for_the_services_below_only() {
        let video = Permissions::of("fanone.video", &[]);
        let rule = video.rule("ApplyEvents").unwrap();
        assert!(rule.admits("fanone.interaction"));
        assert!(!rule.admits("fanone.http"));
        let user = Permissions::of("fanone.user", &[]);
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
        assert_eq!(Permissions::of("fanone.user", &[]).rule("Publish"), None);
        assert_eq!(Permissions::of("fanone.nothing", &[]).rule("Login"), None);
    }
}
