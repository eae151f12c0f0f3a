//! What a test sees of its site, and where it finds it.

use std::path::PathBuf;

use super::{SERVICES, Site};
use crate::{client::Client, folder, metrics::Metrics, process::Process, relay::Relay};

impl Site {
    /// Whether every process runs.
    pub fn is_alive(&self) -> bool {
        self.processes().all(|process| process.exited().is_none())
    }

    /// Somebody who is not logged in.
    pub fn guest(&self) -> Client {
        Client::guest(self.url(""), self.reuses_connections)
    }

    /// From now on clients keep their connections, as browsers and balancers do.
    pub fn reuse_connections(&mut self) {
        self.reuses_connections = true;
    }

    /// Somebody who just registered under a unique name that starts with `name`, and logged in.
    pub async fn user(&self, name: &str) -> Client {
        let mut client = self.guest();
        client.register_and_login(&crate::unique(name)).await;
        client
    }

    /// The address of a path of the HTTP front.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http_address())
    }

    /// The address of a path of each admin port.
    pub fn admin_urls(&self, path: &str) -> Vec<String> {
        self.instances.iter().map(|one| one.admin_url(path)).collect()
    }

    /// Where clients find the HTTP front.
    pub fn http_address(&self) -> String {
        let port = self.round_robin.as_ref().map(Relay::port).or_else(|| self.ports_of("http").next());
        format!("127.0.0.1:{}", port.expect("a site has a front"))
    }

    /// Where each front listens itself.
    pub fn front_addresses(&self) -> Vec<String> {
        self.ports_of("http").map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// Where the four services listen for Thrift; of replicas the first.
    pub fn rpc_addresses(&self) -> Vec<String> {
        SERVICES
            .iter()
            .filter_map(|service| self.ports_of(service).next())
            .map(|port| format!("127.0.0.1:{port}"))
            .collect()
    }

    /// The metrics of all processes together.
    pub async fn metrics(&self) -> Metrics {
        let mut text = String::new();
        for url in self.admin_urls("/metrics") {
            let answer = reqwest::get(url).await.expect("ask for the metrics");
            text.push_str(&answer.text().await.expect("read the metrics"));
            text.push('\n');
        }
        Metrics::parse(&text)
    }

    /// All that the site has printed since it first started.
    pub fn log(&self) -> String {
        self.folder.log()
    }

    /// The most memory that any one process has held, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        self.processes().map(Process::peak_memory_kib).max().unwrap_or_default()
    }

    /// By how much that has grown. The kernel counts roughly: its number may also fall by some pages.
    pub fn peak_memory_raised_kib(&self, before_kib: u64) -> u64 {
        self.peak_memory_kib().saturating_sub(before_kib)
    }

    /// User and system time of all processes so far, in seconds.
    pub fn cpu_s(&self) -> f64 {
        self.processes().map(Process::cpu_s).sum()
    }

    /// Where the site keeps everything that it writes.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The files of the media store, with their sizes in bytes.
    pub fn media_files(&self) -> Vec<(PathBuf, u64)> {
        let bucket = self.bucket.as_ref().map(|bucket| bucket.folder.clone());
        folder::files_below(&bucket.unwrap_or_else(|| self.data_dir().join("media")))
    }
}
