//! The instances that this process knows of.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use volo::{FastStr, net::Address};

use crate::Instance;

pub(crate) type Instances = Vec<Arc<volo::discovery::Instance>>;

/// An address with its weight.
pub(crate) type Place = (SocketAddr, u32);

/// For each service its instances.
#[derive(Debug, Default)]
pub(crate) struct Table(RwLock<HashMap<FastStr, Known>>);

#[derive(Debug, Default)]
struct Known {
    instances: Instances,
    /// Counts the changes from outside.
    version: u64,
}

impl Table {
    /// The instances of a service; none if it has none.
    pub(crate) fn get(&self, service: &str) -> Option<Instances> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = table.get(service)?;
        (!known.instances.is_empty()).then(|| known.instances.clone())
    }

    /// Whether an instance of the service has ever been known.
    pub(crate) fn has_known(&self, service: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(service)
    }

    /// Adds an instance, or replaces the one with its address.
    pub(crate) fn put(&self, instance: &Instance) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = table.entry(instance.service.clone().into()).or_default();
        let address = Address::Ip(instance.address);
        known.instances.retain(|one| one.address != address);
        known.instances.push(entry(&(instance.address, instance.weight)));
    }

    /// Takes an instance out.
    pub(crate) fn take(&self, instance: &Instance) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = table.get_mut(instance.service.as_str()) {
            known.instances.retain(|one| one.address != Address::Ip(instance.address));
        }
    }

    /// The version of what is known of a service, for [`Table::replace`].
    pub(crate) fn version(&self, service: &str) -> u64 {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        table.get(service).map_or(0, |known| known.version)
    }

    /// Makes `found` the instances of a service, beside those missing in it that `keep` accepts; whether that changed
    /// anything. With a `version`, only if nothing has come in between.
    pub(crate) fn replace(
        &self,
        service: &str,
        version: Option<u64>,
        found: &[Place],
        keep: impl Fn(SocketAddr) -> bool,
    ) -> bool {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() && !table.contains_key(service) {
            return false;
        }
        let known = table.entry(FastStr::new(service)).or_default();
        if version.is_some_and(|version| version != known.version) {
            return false;
        }
        known.version += 1;
        let mut places = found.to_vec();
        let missing = places_of(&known.instances)
            .filter(|(address, _)| found.iter().all(|(other, _)| other != address))
            .filter(|(address, _)| keep(*address));
        places.extend(missing);
        places.sort_unstable();
        places.dedup_by_key(|(address, _)| *address);
        let changed = !places_of(&known.instances).eq(places.iter().copied());
        if changed {
            known.instances = places.iter().map(entry).collect();
        }
        changed
    }

    /// Everything that is known, in a fixed order.
    pub(crate) fn list(&self) -> Vec<(String, Place)> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let places = table
            .iter()
            .flat_map(|(name, known)| places_of(&known.instances).map(|place| (name.to_string(), place)));
        let mut list: Vec<_> = places.collect();
        list.sort_unstable();
        list
    }
}

fn entry((address, weight): &Place) -> Arc<volo::discovery::Instance> {
    let address = Address::Ip(*address);
    Arc::new(volo::discovery::Instance { address, weight: *weight, tags: HashMap::new() })
}

fn places_of(instances: &[Arc<volo::discovery::Instance>]) -> impl Iterator<Item = Place> {
    instances.iter().filter_map(|instance| match instance.address {
        Address::Ip(address) => Some((address, instance.weight)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(port: u16, weight: u32) -> Place {
        (SocketAddr::from(([127, 0, 0, 1], port)), weight)
    }

    fn known(table: &Table) -> Vec<Place> {
        table.list().into_iter().map(|(_, place)| place).collect()
    }

    #[test]
    fn a_list_replaces_the_one_before_and_a_weight_counts_as_a_change() {
        let table = Table::default();
        assert!(!table.replace("s", None, &[], |_| false));
        assert!(!table.has_known("s"));
        assert!(table.replace("s", None, &[place(2, 10), place(1, 10)], |_| false));
        assert!(!table.replace("s", None, &[place(1, 10), place(2, 10)], |_| false));
        assert!(table.replace("s", None, &[place(2, 30)], |_| false));
        assert_eq!(known(&table), [place(2, 30)]);
        assert!(table.replace("s", None, &[], |_| false));
        assert!(table.get("s").is_none() && table.has_known("s"));
    }

    #[test]
    fn what_is_missing_stays_while_it_is_to_be_kept() {
        let table = Table::default();
        table.replace("s", None, &[place(1, 10), place(2, 10)], |_| false);
        assert!(table.replace("s", None, &[place(2, 20)], |_| true));
        assert_eq!(known(&table), [place(1, 10), place(2, 20)]);
        table.replace("s", None, &[], |address| address.port() == 1);
        assert_eq!(known(&table), [place(1, 10)]);
    }

    #[test]
    fn an_answer_that_was_overtaken_is_left_out() {
        let table = Table::default();
        table.replace("s", None, &[place(1, 10)], |_| false);
        let version = table.version("s");
        table.replace("s", None, &[place(2, 10)], |_| false);
        assert!(!table.replace("s", Some(version), &[place(1, 10)], |_| false));
        assert_eq!(known(&table), [place(2, 10)]);
    }
}
