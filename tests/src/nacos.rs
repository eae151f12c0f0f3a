//! A site's part of the Nacos for tests, with what an operator does there through the HTTP API of the console.

use std::{env, sync::Arc};

use reqwest::Method;
use serde_json::Value;

use crate::{relay::Relay, unique, world::servers};

/// From the port of HTTP to that of gRPC.
const GRPC_OFFSET: u16 = 1000;

/// A namespace of one site.
#[derive(Clone, Debug)]
pub struct Namespace {
    name: String,
    /// `user:password` of the administrator.
    login: String,
    /// `host:port`.
    address: String,
    /// Lie between the site and its Nacos: for HTTP, and for gRPC on the port that clients compute from the one of HTTP.
    relays: Arc<[Relay; 2]>,
}

impl Namespace {
    /// A new one, if `FANONE_TEST_REGISTRY` asks for a Nacos.
    pub fn of_run() -> Option<Self> {
        match env::var("FANONE_TEST_REGISTRY").as_deref() {
            Ok("nacos") => Some(Self::create()),
            Ok("static") | Err(_) => None,
            Ok(other) => panic!("FANONE_TEST_REGISTRY is `static` or `nacos`, not `{other}`"),
        }
    }

    fn create() -> Self {
        let console = servers::variable("FANONE_TEST_NACOS_CONSOLE", "nacos");
        let (login, place) = console
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('@'))
            .expect("a URL with a login");
        let address = place.split('/').next().unwrap_or_default().to_owned();
        let (_, port) = address.rsplit_once(':').expect("a server with its port");
        let port: u16 = port.parse().expect("a port");
        let relays = Arc::new(Relay::start_apart(GRPC_OFFSET, port));
        Self { name: unique("t"), login: login.to_owned(), address, relays }
    }

    /// What `registry.url` is.
    pub fn url(&self) -> String {
        format!("nacos://{}@{}/{}", self.login, self.relayed(), self.name)
    }

    /// The same with another password.
    pub fn url_with_password(&self, password: &str) -> String {
        let (user, _) = self.login.split_once(':').expect("user:password");
        format!("nacos://{user}:{password}@{}/{}", self.relayed(), self.name)
    }

    fn relayed(&self) -> String {
        let [http, _] = &*self.relays;
        format!("127.0.0.1:{}", http.port())
    }

    pub(crate) fn relays(&self) -> &[Relay; 2] {
        &self.relays
    }

    /// The password that nothing may print.
    pub fn password(&self) -> &str {
        self.login.split_once(':').map_or("", |(_, password)| password)
    }

    async fn call(&self, method: Method, path: &str, parameters: &[(&str, &str)]) -> Value {
        let http = reqwest::Client::new();
        let base = format!("http://{}/nacos/v1", self.address);
        let (user, password) = self.login.split_once(':').expect("user:password");
        let login =
            http.post(format!("{base}/auth/login")).form(&[("username", user), ("password", password)]);
        let answer: Value = login.send().await.expect("log in").json().await.expect("a token");
        let token = answer.get("accessToken").and_then(Value::as_str).expect("a token");
        let request = http.request(method, format!("{base}/{path}")).bearer_auth(token);
        let request = request.query(&[("namespaceId", self.name.as_str())]).query(parameters);
        let text = request.send().await.expect("ask Nacos").text().await.expect("read its answer");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Publishes a document; without a text it is deleted.
    pub async fn publish(&self, name: &str, text: Option<&str>) {
        let mut parameters = vec![("dataId", name), ("group", "DEFAULT_GROUP"), ("tenant", &self.name)];
        parameters.extend(text.map(|text| ("content", text)));
        let method = if text.is_some() { Method::POST } else { Method::DELETE };
        let answer = self.call(method, "cs/configs", &parameters).await;
        assert_eq!(answer, true, "Nacos did not take the document");
    }

    /// The rows of a service's page in the console.
    pub async fn instances(&self, service: &str) -> Vec<Value> {
        let parameters = [
            ("serviceName", service),
            ("groupName", "DEFAULT_GROUP"),
            ("clusterName", "DEFAULT"),
            ("pageNo", "1"),
            ("pageSize", "100"),
        ];
        let answer = self.call(Method::GET, "ns/catalog/instances", &parameters).await;
        answer.get("list").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Clicks "offline" or "online" beside the instance on `port`. As in the console all that the row has is sent: what is
    /// left out is lost.
    pub async fn switch(&self, service: &str, port: u16, enabled: bool) {
        let rows = self.instances(service).await;
        let row = rows.iter().find(|row| row.get("port") == Some(&port.into()));
        let row = row.unwrap_or_else(|| panic!("{service} has no instance on {port}: {rows:?}"));
        let text = |key: &str| match row.get(key) {
            Some(Value::String(text)) => text.clone(),
            other => other.map(Value::to_string).unwrap_or_default(),
        };
        let fields = ["ip", "port", "weight", "metadata", "ephemeral"].map(|key| (key, text(key)));
        let enabled = enabled.to_string();
        let mut parameters: Vec<_> = fields.iter().map(|(key, value)| (*key, value.as_str())).collect();
        parameters.extend([
            ("serviceName", service),
            ("clusterName", "DEFAULT"),
            ("enabled", enabled.as_str()),
        ]);
        let answer = self.call(Method::PUT, "ns/instance", &parameters).await;
        assert_eq!(answer, "ok", "Nacos did not take the change");
    }
}
