//! Who is at the other end of the connection: the address that rate limits and visits count by.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
};

use http::{HeaderMap, header, request::Parts};
use volo_http::{context::ServerContext, server::extract::FromContext};

use crate::{gate::Scope, refusal::Refusal};

/// The client of a request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    /// A number made of the `User-Agent`.
    agent: u64,
}

impl Client {
    /// What tells two viewers who are not logged in apart, as well as it can be told.
    pub(crate) fn viewer(&self) -> String {
        format!("{}/{:016x}", self.ip, self.agent)
    }
}

impl FromContext for Client {
    type Rejection = Refusal;

    async fn from_context(cx: &mut ServerContext, parts: &mut Parts) -> Result<Self, Refusal> {
        let mut hasher = DefaultHasher::new();
        parts.headers.get(header::USER_AGENT).map(|agent| agent.as_bytes()).hash(&mut hasher);
        Ok(Self { ip: Scope::of(cx)?.ip, agent: hasher.finish() })
    }
}

/// The client's address. `X-Forwarded-For` counts only if the peer is a proxy we trust, and of its entries the last
/// that no trusted proxy has written about itself: whatever stands before it the client may have made up.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").into_iter().rev();
    let entries = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut client = peer;
    for entry in entries {
        // After an entry that is no address nothing can be believed any more.
        let Ok(ip) = entry.trim().parse::<IpAddr>() else { return client };
        client = ip.to_canonical();
        if !trusted.contains(&client) {
            return client;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        client_ip(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_can_not_choose_its_address() {
        assert_eq!(seen("1.2.3.4", &["9.9.9.9"]), "1.2.3.4");
    }

    #[test]
    fn behind_trusted_proxies_the_last_foreign_entry_counts() {
        assert_eq!(seen("10.0.0.1", &["9.9.9.9, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &["9.9.9.9", "1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(seen("::ffff:10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn a_proxy_that_says_nothing_useful_counts_itself() {
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["1.2.3.4, nonsense"]), "10.0.0.1");
    }
}
