//! Smooth weighted round robin.
//!
//! For each call every instance gains its weight in credit; the richest is chosen and pays the sum
//! of all weights. So calls follow the weights exactly, and the calls to one instance are spread
//! out: weights 5, 1, 1 give a a b a c a a. (volo's weighted random balancer prefers instances of
//! weight 0, which is why there is one of our own.)

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use volo::{
    context::Endpoint,
    discovery::{Change, Discover, Instance},
    loadbalance::{LoadBalance, error::LoadBalanceError},
    net::Address,
};

/// The balancer of all clients. Clones share their credits.
pub struct RoundRobin<K> {
    credits: Arc<Mutex<HashMap<K, Vec<Credit>>>>,
}

struct Credit {
    address: Address,
    amount: i64,
}

impl<K> RoundRobin<K> {
    /// A balancer without any history.
    pub fn new() -> Self {
        Self { credits: Arc::default() }
    }
}

impl<K> Default for RoundRobin<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for RoundRobin<K> {
    fn clone(&self) -> Self {
        Self { credits: self.credits.clone() }
    }
}

impl<D: Discover> LoadBalance<D> for RoundRobin<D::Key> {
    type InstanceIter = std::vec::IntoIter<Address>;

    async fn get_picker<'future>(
        &'future self,
        endpoint: &'future Endpoint,
        discover: &'future D,
    ) -> Result<Self::InstanceIter, LoadBalanceError> {
        let instances = discover.discover(endpoint).await.map_err(Into::into)?;
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        let order = order(credits.entry(discover.key(endpoint)).or_default(), &instances);
        if order.is_empty() {
            return Err(LoadBalanceError::Discover("every instance has weight 0".into()));
        }
        Ok(order.into_iter())
    }

    /// Nothing to do: every call looks at the present instances.
    fn rebalance(&self, _: Change<D::Key>) {}
}

/// The instance whose turn it is, then the others as places to try again. A lone instance stands
/// twice: what broke may have been an old connection to it.
fn order(credits: &mut Vec<Credit>, instances: &[Arc<Instance>]) -> Vec<Address> {
    let usable = || instances.iter().filter(|instance| instance.weight > 0);
    // Whoever left loses its credit; whoever comes starts with none.
    let mut next = Vec::with_capacity(instances.len());
    let mut sum = 0;
    for instance in usable() {
        let weight = i64::from(instance.weight);
        let before = credits.iter().find(|credit| credit.address == instance.address);
        let amount = before.map_or(0, |credit| credit.amount) + weight;
        sum += weight;
        next.push(Credit { address: instance.address.clone(), amount });
    }
    *credits = next;

    // Of several equally rich ones, the first.
    let Some(chosen) = credits.iter_mut().rev().max_by_key(|credit| credit.amount) else {
        return Vec::new();
    };
    chosen.amount -= sum;
    let first = chosen.address.clone();
    let others = usable().map(|instance| &instance.address).filter(|address| **address != first);
    let mut order: Vec<Address> = std::iter::once(&first).chain(others).cloned().collect();
    if order.len() == 1 {
        order.push(first);
    }
    order
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn instances(weights: &[u32]) -> Vec<Arc<Instance>> {
        let instance = |(port, weight): (u16, &u32)| {
            let address = Address::Ip(SocketAddr::from(([127, 0, 0, 1], port)));
            Arc::new(Instance { address, weight: *weight, tags: HashMap::new() })
        };
        (1..).zip(weights).map(instance).collect()
    }

    fn port(address: &Address) -> u16 {
        let Address::Ip(address) = address else { panic!("is an IP address") };
        address.port()
    }

    fn picks(weights: &[u32], count: usize) -> Vec<u16> {
        let instances = instances(weights);
        let mut credits = Vec::new();
        (0..count).map(|_| port(&order(&mut credits, &instances)[0])).collect()
    }

    #[test]
    fn equal_instances_take_turns() {
        assert_eq!(picks(&[10, 10, 10], 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn calls_follow_the_weights_and_are_spread_out() {
        assert_eq!(picks(&[5, 1, 1], 7), [1, 1, 2, 1, 3, 1, 1]);
        let many = picks(&[10, 30], 400);
        assert_eq!(many.iter().filter(|port| **port == 2).count(), 300);
    }

    #[test]
    fn weight_zero_is_never_chosen_not_even_to_try_again() {
        let instances = instances(&[1, 0, 0, 2]);
        let mut credits = Vec::new();
        for _ in 0..30 {
            assert!(order(&mut credits, &instances).iter().all(|address| matches!(port(address), 1 | 4)));
        }
        assert!(picks(&[1, 0], 10).iter().all(|port| *port == 1));
        assert!(order(&mut Vec::new(), &self::instances(&[0, 0])).is_empty());
    }

    #[test]
    fn a_second_try_goes_elsewhere_if_there_is_an_elsewhere() {
        let tries = order(&mut Vec::new(), &instances(&[1, 1, 1]));
        assert_eq!(tries.iter().map(port).collect::<Vec<_>>(), [1, 2, 3]);
        let tries = order(&mut Vec::new(), &instances(&[1]));
        assert_eq!(tries.iter().map(port).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn an_instance_that_leaves_is_forgotten() {
        let mut credits = Vec::new();
        let three = instances(&[1, 1, 1]);
        for _ in 0..4 {
            order(&mut credits, &three);
        }
        for _ in 0..4 {
            assert_ne!(port(&order(&mut credits, &three[1..])[0]), 1);
        }
        assert_eq!(credits.len(), 2);
    }

    #[tokio::test]
    async fn clones_share_the_turns() {
        let discover = volo::discovery::WeightedStaticDiscover::new(instances(&[1, 1]));
        let endpoint = Endpoint::new("any".into());
        let first = RoundRobin::new();
        let second = first.clone();
        let one = LoadBalance::get_picker(&first, &endpoint, &discover).await.unwrap().next();
        let two = LoadBalance::get_picker(&second, &endpoint, &discover).await.unwrap().next();
        assert_ne!(one, two);
    }
}
