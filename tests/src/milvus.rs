//! A site's part of the Milvus for tests, as its administrator sees it.

use std::{env, path::Path, sync::Once, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{relay::Relay, unique, world::servers};

const PREFIX: &str = "t";

/// The collections of one site, whose names have a beginning of their own. They are dropped with this value; what a test run
/// leaves is dropped at the start of the next.
pub struct Milvus {
    prefix: String,
    /// `user:password` of the administrator.
    login: String,
    /// `host:port`.
    address: String,
    /// Lies between the site and the server.
    pub(crate) relay: Relay,
}

impl Milvus {
    /// A new one, if `FANONE_TEST_VECTORS` asks for a Milvus.
    pub(crate) fn of_run() -> Option<Self> {
        static SWEEP: Once = Once::new();
        match env::var("FANONE_TEST_VECTORS").as_deref() {
            Ok("milvus") => {
                let milvus = Self::create();
                SWEEP.call_once(|| milvus.sweep());
                Some(milvus)
            }
            Ok("memory") | Err(_) => None,
            Ok(other) => panic!("FANONE_TEST_VECTORS is `memory` or `milvus`, not `{other}`"),
        }
    }

    fn create() -> Self {
        let url = servers::variable("FANONE_TEST_MILVUS", "milvus");
        let (login, address) =
            url.strip_prefix("milvus://").and_then(|rest| rest.split_once('@')).expect("a URL with a login");
        let (_, port) = address.rsplit_once(':').expect("a server with its port");
        Self {
            prefix: unique(PREFIX).replace('-', "_"),
            login: login.to_owned(),
            address: address.to_owned(),
            relay: Relay::start(vec![port.parse().expect("a port")]),
        }
    }

    /// What `vectors.url` is.
    pub fn url(&self) -> String {
        self.url_with_password(self.password())
    }

    /// The same with another password.
    pub fn url_with_password(&self, password: &str) -> String {
        let (user, _) = self.login.split_once(':').expect("user:password");
        format!("milvus://{user}:{password}@127.0.0.1:{}?prefix={}", self.relay.port(), self.prefix)
    }

    /// The password that nothing may print.
    pub fn password(&self) -> &str {
        self.login.split_once(':').map_or("", |(_, password)| password)
    }

    /// The names of the site's collections.
    pub async fn collections(&self) -> Vec<String> {
        let own = format!("{}_", self.prefix);
        self.all_collections().await.into_iter().filter(|name| name.starts_with(&own)).collect()
    }

    async fn all_collections(&self) -> Vec<String> {
        let listed = self.call(Method::GET, "", Value::Null).await;
        let names = listed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// Drops all collections of the site.
    pub async fn drop_collections(&self) {
        for name in self.collections().await {
            self.drop_collection(&name).await;
        }
    }

    async fn drop_collection(&self, name: &str) {
        let dropped = self.call(Method::POST, "/drop", json!({ "collectionName": name })).await;
        assert_eq!(dropped.get("code"), Some(&200.into()), "Milvus did not drop {name}: {dropped}");
    }

    /// Makes a collection as a rebuild of another one that was killed leaves it.
    pub async fn leave_over(&self, of: &str) -> String {
        let (alias, _) = of.rsplit_once("__g").expect("a collection of ours");
        let name = format!("{alias}__g1");
        let made =
            self.call(Method::POST, "/create", json!({ "collectionName": name, "dimension": 8 })).await;
        assert_eq!(made.get("code"), Some(&200.into()), "Milvus did not make {name}: {made}");
        name
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let (user, password) = self.login.split_once(':').expect("user:password");
        let url = format!("http://{}/v1/vector/collections{path}", self.address);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let mut request = http.request(method, url).basic_auth(user, Some(password));
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.expect("ask Milvus").json().await.expect("its answer")
    }

    /// Drops what test processes that are gone have left.
    fn sweep(&self) {
        wait_for(async {
            for name in self.all_collections().await {
                let mut parts = name.split('_');
                let is_ours = parts.next() == Some(PREFIX) && name.contains("_pictures_");
                let owner = parts.next().and_then(|pid| u32::from_str_radix(pid, 16).ok());
                if is_ours && owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                    self.drop_collection(&name).await;
                }
            }
        });
    }
}

impl Drop for Milvus {
    fn drop(&mut self) {
        if env::var_os("FANONE_TEST_KEEP").is_none() && !std::thread::panicking() {
            wait_for(self.drop_collections());
        }
    }
}

/// Runs it to its end, in whatever runtime the caller is.
fn wait_for(work: impl Future<Output = ()> + Send) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work);
    };
    std::thread::scope(|scope| scope.spawn(run).join().expect("its end"));
}
