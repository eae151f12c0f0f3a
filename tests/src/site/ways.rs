//! The ways between the processes of a site and everything else, which a test can disturb.

use super::{SERVICES, Site};
use crate::relay::{Mode, Relay};

impl Site {
    /// Lays a relay before each service and before its database, from the next [`Site::launch`] on: ways `user` and
    /// `user.database` of [`Site::set_way_to`].
    pub fn lay_relays(&mut self) {
        let mut registry = Vec::new();
        for service in SERVICES {
            let relay = Relay::start(self.ports_of(service).collect());
            registry.push(format!("fanone.{service}=127.0.0.1:{}", relay.port()));
            self.ways.insert(service.to_owned(), relay);
            let key = format!("{service}.database");
            let url = self.setting(&key);
            let Some((server, database)) = url.rsplit_once('/') else { continue };
            let Some((login, port)) = server.rsplit_once(':') else { continue };
            let relay = Relay::start(vec![port.parse().expect("a port")]);
            self.set(&key, &format!("{login}:{}/{database}", relay.port()));
            self.ways.insert(key, relay);
        }
        self.set("registry.url", &format!("static:{}", registry.join(",")));
    }

    /// What becomes of what is said on the way to a part, by its name: one of [`Site::lay_relays`], or `redis`, `media`,
    /// `milvus`, `nacos`.
    pub fn set_way_to(&self, part: &str, mode: Mode) {
        let relays: Vec<&Relay> = match part {
            "redis" => self.cache_relay.iter().collect(),
            "media" => self.bucket.iter().map(|bucket| &bucket.relay).collect(),
            "milvus" => self.milvus.iter().map(|milvus| &milvus.relay).collect(),
            "nacos" => self.namespace.iter().flat_map(|namespace| namespace.relays()).collect(),
            way => self.ways.get(way).into_iter().collect(),
        };
        assert!(!relays.is_empty(), "there is no way to {part}");
        relays.into_iter().for_each(|relay| relay.set(mode));
    }
}
