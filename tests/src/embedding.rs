//! A model in another program: the server of `clients/python`, with a relay before it, in whatever mood a test wants it.

use std::{env, fs, path::Path, path::PathBuf, process::Stdio};

use tempfile::TempDir;

use crate::{
    eventually, ports,
    process::{self, Process, Signal},
    relay::{Mode, Relay},
    repository,
};

/// How the model does its work, from the next picture on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// Its vectors have no numbers in them.
    Nan,
    /// Its vectors are too short.
    Short,
    /// It breaks off.
    Broken,
}

/// What the model is called, and how long its vectors are.
const QUERY: &str = "name=colours&dimension=304";

/// The server. It ends with this value.
pub struct Embedding {
    port: u16,
    relay: Relay,
    process: Option<Process>,
    folder: TempDir,
}

impl Embedding {
    /// Its place; [`Embedding::start`] starts it there.
    pub fn prepare() -> Self {
        let port = ports::free();
        let folder = tempfile::tempdir().expect("a folder for a model");
        let model = Self { port, relay: Relay::start(vec![port]), process: None, folder };
        model.be(Mood::Well);
        model
    }

    /// For `model.url`.
    pub fn url(&self) -> String {
        self.url_with(QUERY)
    }

    /// The same place with another name or dimension.
    pub fn url_with(&self, query: &str) -> String {
        format!("thrift://{}?{query}", self.address())
    }

    /// For `model.url`, where the registry knows the place by this name.
    pub fn url_of_service(service: &str) -> String {
        format!("service:{service}?{QUERY}")
    }

    /// Where the site finds it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.relay.port())
    }

    /// Starts the server, which lets in whom the key in a site's folder proves, and waits until it listens.
    pub async fn start(&mut self, keys: &Path) {
        let mut command = process::dying_with_us(&python());
        command.arg(repository("tests/tests/models/moody.py")).arg(self.mood_file());
        command.arg(format!("127.0.0.1:{}", self.port)).arg(keys.join("fanone.http.pub"));
        let log = fs::File::create(self.folder.path().join("log.txt")).expect("a log for a model");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(Process::start(command));
        eventually("the model listens", async || {
            let exited = self.process.as_ref().and_then(Process::exited);
            assert!(exited.is_none(), "the model ended: {}", self.log());
            let found = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await;
            found.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Ends the server as a power cut would.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.send(Signal::Kill);
            process.wait().await;
        }
    }

    /// From now on.
    pub fn be(&self, mood: Mood) {
        let word = format!("{mood:?}").to_lowercase();
        let new = self.folder.path().join("new");
        fs::write(&new, word).and_then(|()| fs::rename(new, self.mood_file())).expect("write a mood down");
    }

    /// What becomes of what the site and the model say to each other.
    pub fn set_way(&self, mode: Mode) {
        self.relay.set(mode);
    }

    /// What the server has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log.txt")).unwrap_or_default()
    }

    fn mood_file(&self) -> PathBuf {
        self.folder.path().join("mood")
    }
}

/// With the packages of `clients/python/requirements.txt`.
fn python() -> PathBuf {
    let own = repository(".cache/embedding/bin/python");
    env::var_os("FANONE_TEST_PYTHON").map_or(own, PathBuf::from)
}
