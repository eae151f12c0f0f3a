//! The names of the documents, as Kitex' `config-nacos` builds them.

use std::{fmt, str::FromStr};

use fanone_identity::permissions::{SERVICES, callees, methods};

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// How long calls may take.
    RpcTimeout,
    /// When an instance gets no more calls.
    CircuitBreak,
    /// When a call is made again.
    Retry,
    /// Which part of the calls is refused at once.
    Degradation,
    /// What a server takes.
    Limit,
}

impl Category {
    /// Those of a client.
    pub const OF_CLIENT: [Self; 4] = [Self::RpcTimeout, Self::CircuitBreak, Self::Retry, Self::Degradation];

    /// The last part of the document's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RpcTimeout => "rpc_timeout",
            Self::CircuitBreak => "circuit_break",
            Self::Retry => "retry",
            Self::Degradation => "degradation",
            Self::Limit => "limit",
        }
    }
}

/// Whom a document rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Calls of a client to a server.
    Calls {
        /// Who calls.
        client: &'static str,
        /// Who is called.
        server: &'static str,
        /// What of the calls.
        category: Category,
    },
    /// What a server takes.
    Server(&'static str),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { client, server, category } => write!(f, "{client}.{server}.{}", category.name()),
            Self::Server(server) => write!(f, "{server}.{}", Category::Limit.name()),
        }
    }
}

impl FromStr for Target {
    type Err = ();

    /// The names of services have dots themselves, so the known ones are looked for.
    fn from_str(name: &str) -> Result<Self, ()> {
        targets(SERVICES).find(|target| target.to_string() == name).ok_or(())
    }
}

/// The documents that rule processes which play these services.
pub fn documents(services: &[&str]) -> Vec<String> {
    targets(services).map(|target| target.to_string()).collect()
}

fn targets(services: &[&str]) -> impl Iterator<Item = Target> {
    let known = SERVICES.iter().copied().filter(|name| services.contains(name));
    known.flat_map(|client| {
        let calls = callees(client).flat_map(move |server| {
            Category::OF_CLIENT.map(|category| Target::Calls { client, server, category })
        });
        let serves = methods(client).next().is_some();
        calls.chain(serves.then_some(Target::Server(client)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_follows_the_rules_of_what_it_calls_and_of_what_it_serves() {
        assert_eq!(
            documents(&["fanone.interaction"]),
            [
                "fanone.interaction.fanone.video.rpc_timeout",
                "fanone.interaction.fanone.video.circuit_break",
                "fanone.interaction.fanone.video.retry",
                "fanone.interaction.fanone.video.degradation",
                "fanone.interaction.limit",
            ]
        );
        assert_eq!(documents(&["fanone.user"]), ["fanone.user.limit"]);
        assert_eq!(documents(&["fanone.http"]).len(), 20, "the front serves no Thrift");
        assert!(documents(&["somebody.else"]).is_empty());
    }

    #[test]
    fn a_name_says_whom_it_rules() {
        let target =
            Target::Calls { client: "fanone.http", server: "fanone.user", category: Category::Retry };
        assert_eq!("fanone.http.fanone.user.retry".parse(), Ok(target));
        assert_eq!("fanone.user.limit".parse(), Ok(Target::Server("fanone.user")));
        for name in ["", "limit", "fanone.user.retry", "fanone.http.fanone.user.limit", "fanone.http.limit"] {
            assert_eq!(name.parse::<Target>(), Err(()), "{name}");
        }
    }
}
