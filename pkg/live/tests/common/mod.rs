//! What the tests on a real Nacos share.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use fanone_config::{Live, Role, Settings};
use fanone_live::{LiveSettings, Others};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// What a change may take.
pub(crate) const SOON: Duration = Duration::from_secs(2);
/// What anything else may take: a client that lost its Nacos tries again after up to a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);
const GROUP: &str = "DEFAULT_GROUP";
const NAMESPACE: &str = "fanone";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The URL of a server that `scripts/servers` has started.
pub(crate) fn server(name: &str) -> String {
    let folder =
        std::env::var_os("FANONE_SERVERS_DIR").map_or_else(|| root().join(".cache/servers"), PathBuf::from);
    let lines = std::fs::read_to_string(folder.join("env")).unwrap_or_default();
    let start = format!("FANONE_TEST_{}=", name.to_uppercase());
    match lines.lines().find_map(|line| line.strip_prefix(&start)) {
        Some(url) => url.to_owned(),
        None => panic!("no {name} to test with: run scripts/servers up nacos"),
    }
}

/// The console, as its administrator uses it.
pub(crate) struct Console {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Console {
    pub(crate) async fn open() -> Self {
        let url = server("nacos_console");
        let (login, place) = url.strip_prefix("http://").unwrap().rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (http, base) = (reqwest::Client::new(), format!("http://{place}/v1"));
        let form = [("username", user), ("password", password)];
        let answer = http.post(format!("{base}/auth/login")).form(&form).send().await.unwrap();
        let answer: serde_json::Value = answer.error_for_status().unwrap().json().await.unwrap();
        let token = answer.get("accessToken").and_then(serde_json::Value::as_str).unwrap().to_owned();
        Self { http, base, token }
    }

    fn query<'a>(&'a self, name: &'a str) -> [(&'static str, &'a str); 4] {
        [("dataId", name), ("group", GROUP), ("tenant", NAMESPACE), ("accessToken", &self.token)]
    }

    pub(crate) async fn publish(&self, name: &str, text: &str) {
        let request = self.http.post(format!("{}/cs/configs", self.base)).query(&self.query(name));
        let answer = request.form(&[("content", text), ("type", "toml")]).send().await.unwrap();
        assert_eq!(answer.error_for_status().unwrap().text().await.unwrap(), "true");
    }

    pub(crate) async fn remove(&self, name: &str) {
        let request = self.http.delete(format!("{}/cs/configs", self.base)).query(&self.query(name));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Waits until the "listening query" names somebody who listens to a document, and answers how long that took.
    pub(crate) async fn is_listened_to(&self, name: &str) -> Duration {
        let begun = Instant::now();
        while self.listeners(name).await == 0 {
            assert!(begun.elapsed() < PATIENCE, "nobody listens to {name}");
            sleep(Duration::from_millis(200)).await;
        }
        begun.elapsed()
    }

    /// How many addresses the "listening query" names.
    async fn listeners(&self, name: &str) -> usize {
        let request = self.http.get(format!("{}/cs/configs/listener", self.base)).query(&self.query(name));
        let answer: serde_json::Value =
            request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        // Spelt so by Nacos.
        let listeners = answer.get("lisentersGroupkeyStatus").and_then(serde_json::Value::as_object);
        listeners.unwrap_or_else(|| panic!("no listeners in {answer}")).len()
    }
}

/// A process with the settings of one role, as far as documents go.
pub(crate) struct Process {
    pub(crate) live: Live,
    /// The log levels that it was told of.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Process {
    /// Starts it, with a folder that it may share with another one.
    pub(crate) async fn start(url: &str, role: Role, data: &TempDir) -> Self {
        let env = [
            ("FANONE_CONFIG__URL", url.to_owned()),
            ("FANONE_DATA_DIR", data.path().display().to_string()),
            ("FANONE_COUNTERS__INTERVAL_MS", "700".to_owned()),
        ];
        let settings =
            Settings::load(None, env.into_iter().map(|(name, value)| (name.to_owned(), value))).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let (begun, roles) = (Instant::now(), [role]);
        let opened = LiveSettings::open(&settings, &roles, Others::default(), move |values| {
            heard.lock().unwrap().push(values.log_level.clone());
        });
        let opened = opened.await.unwrap();
        assert!(
            begun.elapsed() < Duration::from_millis(500),
            "a start waits for nobody: {:?}",
            begun.elapsed()
        );
        Self { live: opened.live(), told, task: tokio::spawn(opened.run()) }
    }

    pub(crate) fn interval_ms(&self) -> u64 {
        self.live.get().counters.interval_ms
    }

    /// Waits until it has this interval, and answers how long that took.
    pub(crate) async fn has(&self, interval_ms: u64, patience: Duration) -> Duration {
        let begun = Instant::now();
        while self.interval_ms() != interval_ms {
            assert!(begun.elapsed() < patience, "{} and not {interval_ms}", self.interval_ms());
            sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.task.abort();
    }
}
