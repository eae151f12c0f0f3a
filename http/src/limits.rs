//! How often one address may ask. The counters are in the cache, so that all fronts share them.

use std::{net::IpAddr, time::Duration};

use crate::{refusal::Refusal, state::App};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// Requests of any kind.
    Requests,
    /// Attempts to log in.
    Logins,
    /// Registrations.
    Registrations,
}

impl Limit {
    const fn window(self) -> Duration {
        match self {
            Self::Requests => Duration::from_secs(10),
            Self::Logins | Self::Registrations => Duration::from_secs(300),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Logins => "logins",
            Self::Registrations => "registrations",
        }
    }
}

/// Counts one more of `limit` for an address, and refuses what is too many.
pub(crate) async fn count(app: &App, limit: Limit, ip: IpAddr) -> Result<(), Refusal> {
    let limits = &app.live.get().limits;
    if !limits.enabled {
        return Ok(());
    }
    let most = match limit {
        Limit::Requests => limits.requests_per_ip,
        Limit::Logins => limits.logins_per_ip,
        Limit::Registrations => limits.registrations_per_ip,
    };
    let key = format!("limit:{}:{}", limit.name(), network(ip));
    match app.cache.incr(&key, 1, limit.window()).await {
        Ok(count) if count > i64::from(most) => Err(Refusal::too_many(limit.window().as_secs())),
        Ok(_) => Ok(()),
        // Better no limit for a while than no site.
        Err(error) => {
            tracing::warn!(%error, "requests can't be counted");
            Ok(())
        }
    }
}

/// Whom an address belongs to: a customer has one IPv4 address, but a whole /64 of IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_customer_count_together() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("1.2.3.4"), "1.2.3.4");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
