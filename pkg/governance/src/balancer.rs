//! Whose turn it is.
//!
//! Weighted: for each call every instance gains its weight in credit; the richest is chosen and pays the sum of all weights. So
//! calls follow the weights exactly, and the calls to one instance are spread out: weights 5, 1, 1 give a a b a c a a.
//! Plain: one after the other, whatever their weights. Weight 0 gets nothing either way.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use fanone_config::Balancing;
use volo::{discovery::Instance, net::Address};

/// Takes turns among the instances of one service. Its lock is held for as long as it takes to go through their list.
#[derive(Debug)]
pub struct Balancer {
    by: Balancing,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    credits: Vec<Credit>,
    /// The last one chosen, for taking plain turns.
    last: usize,
}

#[derive(Clone, Copy, Debug)]
struct Credit {
    address: SocketAddr,
    amount: i64,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Whose turn it is.
    pub first: SocketAddr,
    /// Who takes the call if that one can't be connected to: the next in the list, so that a dead one's share goes to all the
    /// others in turn.
    pub other: Option<SocketAddr>,
}

impl Balancer {
    /// One without any history.
    #[must_use]
    pub fn new(by: Balancing) -> Self {
        Self { by, turns: Mutex::default() }
    }

    /// One of those with a weight that `may` have the call; none if there is none. Those that may not keep their credit.
    pub fn pick(&self, instances: &[Arc<Instance>], may: impl Fn(SocketAddr) -> bool) -> Option<Pick> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.follow(instances);
        let may = |credit: &Credit, instance: &Instance| instance.weight > 0 && may(credit.address);
        let chosen = match self.by {
            Balancing::Weighted => turns.richest(instances, &may),
            Balancing::Plain => turns.next(instances, &may),
        }?;
        let first = turns.credits.get(chosen)?.address;
        let other = turns.after(chosen, instances, may).and_then(|place| turns.credits.get(place));
        Some(Pick { first, other: other.map(|credit| credit.address).filter(|other| *other != first) })
    }
}

impl Turns {
    /// Whoever left loses its credit; whoever comes starts with none.
    fn follow(&mut self, instances: &[Arc<Instance>]) {
        let addresses = || instances.iter().filter_map(|instance| address(instance));
        if self.credits.iter().map(|credit| credit.address).eq(addresses()) {
            return;
        }
        let before = std::mem::take(&mut self.credits);
        self.credits.extend(addresses().map(|address| {
            let known = before.iter().find(|credit| credit.address == address);
            Credit { address, amount: known.map_or(0, |credit| credit.amount) }
        }));
    }

    fn richest(
        &mut self,
        instances: &[Arc<Instance>],
        may: &impl Fn(&Credit, &Instance) -> bool,
    ) -> Option<usize> {
        let (mut sum, mut richest): (i64, Option<(usize, i64)>) = (0, None);
        for (place, (credit, instance)) in self.credits.iter_mut().zip(with_address(instances)).enumerate() {
            if instance.weight == 0 {
                credit.amount = 0;
            }
            if !may(credit, instance) {
                continue;
            }
            credit.amount += i64::from(instance.weight);
            sum += i64::from(instance.weight);
            // Of several equally rich ones, the first.
            if richest.is_none_or(|(_, most)| credit.amount > most) {
                richest = Some((place, credit.amount));
            }
        }
        let (place, _) = richest?;
        self.credits.get_mut(place)?.amount -= sum;
        Some(place)
    }

    fn next(
        &mut self,
        instances: &[Arc<Instance>],
        may: &impl Fn(&Credit, &Instance) -> bool,
    ) -> Option<usize> {
        let next = self.after(self.last, instances, may)?;
        self.last = next;
        Some(next)
    }

    /// The first that may, after this place; at last that place itself.
    fn after(
        &self,
        place: usize,
        instances: &[Arc<Instance>],
        may: impl Fn(&Credit, &Instance) -> bool,
    ) -> Option<usize> {
        let all = || self.credits.iter().zip(with_address(instances)).enumerate();
        let is_good = |(_, (credit, instance)): &(usize, (&Credit, &Instance))| may(credit, instance);
        let mut behind = all().skip(place + 1).chain(all().take(place + 1));
        behind.find(is_good).map(|(place, _)| place)
    }
}

fn with_address(instances: &[Arc<Instance>]) -> impl Iterator<Item = &Instance> {
    instances.iter().map(AsRef::as_ref).filter(|instance| address(instance).is_some())
}

/// Instances are reached over TCP.
fn address(instance: &Instance) -> Option<SocketAddr> {
    match instance.address {
        Address::Ip(address) => Some(address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn instances(weights: &[u32]) -> Vec<Arc<Instance>> {
        let instance = |(port, weight): (u16, &u32)| {
            Arc::new(Instance { address: Address::Ip(at(port)), weight: *weight, tags: HashMap::new() })
        };
        (1..).zip(weights).map(instance).collect()
    }

    fn weighted() -> Balancer {
        Balancer::new(Balancing::Weighted)
    }

    fn picks(balancer: &Balancer, instances: &[Arc<Instance>], count: usize) -> Vec<u16> {
        (0..count).map(|_| balancer.pick(instances, |_| true).unwrap().first.port()).collect()
    }

    #[test]
    fn equal_instances_take_turns() {
        assert_eq!(picks(&weighted(), &instances(&[10, 10, 10]), 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn calls_follow_the_weights_and_are_spread_out() {
        assert_eq!(picks(&weighted(), &instances(&[5, 1, 1]), 7), [1, 1, 2, 1, 3, 1, 1]);
        let many = picks(&weighted(), &instances(&[10, 30]), 400);
        assert_eq!(many.iter().filter(|port| **port == 2).count(), 300);
    }

    #[test]
    fn plain_turns_do_not_look_at_weights() {
        let plain = Balancer::new(Balancing::Plain);
        let mut turns = picks(&plain, &instances(&[50, 1, 0, 1]), 6);
        assert!(!turns.contains(&3), "{turns:?}");
        turns.sort_unstable();
        assert_eq!(turns, [1, 1, 2, 2, 4, 4]);
        assert_eq!(plain.pick(&instances(&[0]), |_| true), None);
    }

    #[test]
    fn weight_zero_is_never_chosen_not_even_as_the_other() {
        let (balancer, instances) = (weighted(), instances(&[1, 0, 0, 2]));
        for _ in 0..30 {
            let Pick { first, other } = balancer.pick(&instances, |_| true).unwrap();
            assert!([1, 4].contains(&first.port()) && [1, 4].contains(&other.unwrap().port()));
        }
        assert_eq!(balancer.pick(&self::instances(&[0, 0]), |_| true), None);
    }

    #[test]
    fn the_other_is_the_next_if_there_is_one() {
        let pick = weighted().pick(&instances(&[1, 1, 1]), |_| true);
        assert_eq!(pick, Some(Pick { first: at(1), other: Some(at(2)) }));
        let pick = weighted().pick(&instances(&[1]), |_| true);
        assert_eq!(pick, Some(Pick { first: at(1), other: None }));
    }

    #[test]
    fn who_may_not_is_passed_over_and_its_calls_go_to_all_others() {
        let (balancer, instances) = (weighted(), instances(&[1, 1, 1]));
        for _ in 0..30 {
            let Pick { first, other } = balancer.pick(&instances, |address| address != at(2)).unwrap();
            assert!(first != at(2) && other.unwrap() != at(2));
        }
        // Back again, it is owed nothing for the time when it could not.
        let back = picks(&balancer, &instances, 30);
        assert_eq!(back.iter().filter(|port| **port == 2).count(), 10);
        assert_eq!(balancer.pick(&instances, |_| false), None);
    }

    #[test]
    fn an_instance_that_leaves_is_forgotten() {
        let (balancer, three) = (weighted(), instances(&[1, 1, 1]));
        picks(&balancer, &three, 4);
        assert!(picks(&balancer, &three[1..], 4).iter().all(|port| *port != 1));
        assert_eq!(balancer.turns.lock().unwrap().credits.len(), 2);
    }
}
