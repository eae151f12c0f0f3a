//! What Nacos has last told those who follow the services of this process. It tells all of them at about the same time, and
//! this process is one of them: what it has heard others know.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use crate::table::Place;

/// A Nacos that has not told by then may have no reason to: an operator has taken the instance offline.
pub(super) const LATE: Duration = Duration::from_secs(5);

/// The instances of each service.
#[derive(Debug, Default)]
pub(super) struct Told(watch::Sender<BTreeMap<String, BTreeSet<SocketAddr>>>);

impl Told {
    pub(super) fn note(&self, service: &str, found: &[Place]) {
        let addresses = found.iter().map(|(address, _)| *address).collect();
        self.0.send_modify(|told| {
            told.insert(service.to_owned(), addresses);
        });
    }

    /// Whether others know of this instance.
    pub(super) fn of(&self, service: &str, address: SocketAddr) -> bool {
        self.0.borrow().get(service).is_some_and(|addresses| addresses.contains(&address))
    }

    /// Waits until all have been told that none of these is there any more.
    pub(super) async fn until_without(&self, left: &BTreeSet<(String, SocketAddr)>) {
        let mut told = self.0.subscribe();
        let without = told.wait_for(|told| {
            let is_told = |(service, address): &(String, SocketAddr)| {
                told.get(service).is_some_and(|addresses| addresses.contains(address))
            };
            !left.iter().any(is_told)
        });
        if timeout(LATE, without).await.is_err() {
            tracing::warn!("registry.leaves_unnoticed: Nacos has not told others in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_waits_until_nobody_is_sent_to_it_and_no_longer_than_it_may() {
        let told = Told::default();
        let [one, two] = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let left = BTreeSet::from([("s".to_owned(), one)]);
        let begun = tokio::time::Instant::now();
        told.until_without(&left).await;
        told.note("s", &[(two, 1)]);
        told.note("other", &[(one, 1)]);
        told.until_without(&left).await;
        assert!(begun.elapsed().is_zero(), "it was never there");

        told.note("s", &[(one, 1), (two, 1)]);
        let later = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            told.note("s", &[(two, 1)]);
        };
        tokio::join!(told.until_without(&left), later);
        assert_eq!(begun.elapsed().as_secs(), 2);

        told.note("s", &[(one, 1)]);
        told.until_without(&left).await;
        assert_eq!(begun.elapsed().as_secs(), 2 + LATE.as_secs());
    }
}
