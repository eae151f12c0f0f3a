//! What an operator does in the console, through the HTTP API that the console itself uses.

use std::{env, fs, path::PathBuf};

use reqwest::Method;
use serde_json::Value;

/// A folder of `scripts/servers` and what is written down there.
pub(crate) struct Servers {
    pub(crate) folder: PathBuf,
}

impl Servers {
    /// That of this test run.
    pub(crate) fn of_run() -> Self {
        let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cache/servers"));
        Self { folder: env::var_os("FANONE_SERVERS_DIR").map_or_else(default, PathBuf::from) }
    }

    fn variable(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.join("env")).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value
            .unwrap_or_else(|| panic!("no {name} in {}: scripts/servers up nacos", self.folder.display()))
            .to_owned()
    }

    /// The URL for services.
    pub(crate) fn nacos(&self) -> String {
        self.variable("FANONE_TEST_NACOS")
    }

    /// The console, as its administrator.
    pub(crate) async fn console(&self) -> Console {
        let url = self.variable("FANONE_TEST_NACOS_CONSOLE");
        let (login, place) = url.strip_prefix("http://").unwrap().split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let mut console = Console { base: format!("http://{place}/v1"), token: String::new() };
        let answer =
            console.call(Method::POST, "auth/login", &[("username", user), ("password", password)]).await;
        console.token = answer["accessToken"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        console
    }
}

/// The console of one Nacos.
pub(crate) struct Console {
    base: String,
    token: String,
}

impl Console {
    async fn call(&self, method: Method, path: &str, parameters: &[(&str, &str)]) -> Value {
        let request = reqwest::Client::new().request(method, format!("{}/{path}", self.base));
        let answer = request.bearer_auth(&self.token).query(parameters).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Whether the server is ready by its own word.
    pub(crate) async fn is_ready(&self) -> bool {
        let url = format!("{}/console/health/readiness", self.base);
        reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
    }

    /// The rows of a service's page, those offline included.
    pub(crate) async fn instances(&self, service: &str) -> Vec<Value> {
        let parameters = [
            ("serviceName", service),
            ("groupName", "DEFAULT_GROUP"),
            ("clusterName", "DEFAULT"),
            ("namespaceId", "fanone"),
            ("pageNo", "1"),
            ("pageSize", "100"),
        ];
        let answer = self.call(Method::GET, "ns/catalog/instances", &parameters).await;
        answer["list"].as_array().cloned().unwrap_or_default()
    }

    /// The one row of a service's page.
    pub(crate) async fn instance(&self, service: &str) -> Value {
        let rows = self.instances(service).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }

    /// Changes a row. The console sends all of it: what is left out is lost.
    pub(crate) async fn edit(&self, service: &str, row: &Value, key: &str, value: Value) {
        let mut row = row.clone();
        row[key] = value;
        let text = |key: &str| match &row[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let fields = ["ip", "port", "weight", "enabled", "metadata", "ephemeral"].map(|key| (key, text(key)));
        let fixed = [("serviceName", service), ("clusterName", "DEFAULT"), ("namespaceId", "fanone")];
        let parameters: Vec<_> =
            fields.iter().map(|(key, value)| (*key, value.as_str())).chain(fixed).collect();
        let answer = self.call(Method::PUT, "ns/instance", &parameters).await;
        assert_eq!(answer, "ok");
    }
}
