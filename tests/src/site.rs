//! A running FanOne with a data folder and ports of its own.

use std::{
    env,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use crate::{
    Signal, client::Client, eventually_within, folder, folder::Folder, metrics::Metrics, ports, process,
    process::Process,
};

/// The services, in the order of their ports.
pub const SERVICES: [&str; 4] = ["user", "video", "interaction", "social"];

/// What a test's site has unlike the defaults: no rate limits, quick counters, and patience, because
/// a test machine may be slow and busy.
const SETTINGS: [(&str, &str); 5] = [
    ("limits.enabled", "false"),
    ("counters.interval_ms", "200"),
    ("calls.rpc_timeout_ms", "15000"),
    ("calls.connect_timeout_ms", "2000"),
    ("http.request_timeout_ms", "30000"),
];

/// How a site ended.
#[derive(Debug)]
pub struct Stopped {
    /// Of each process.
    pub exits: Vec<ExitStatus>,
    /// From the signal to the last exit.
    pub took: Duration,
}

/// A running FanOne. It ends with this value.
pub struct Site {
    roles: Vec<Role>,
    http_port: u16,
    rpc_ports: [u16; 4],
    settings: Vec<(String, String)>,
    folder: Folder,
}

/// One process: its command line argument (none for the whole site) and its admin port.
struct Role {
    argument: Option<&'static str>,
    admin_port: u16,
    process: Option<Process>,
}

/// An HTTP front beside that of a site; ends with the value.
pub struct Front {
    url: String,
    _process: Process,
}

impl Front {
    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Site {
    /// Starts a site and waits until it is ready.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`Site::start`], with settings named as in the default file: `("limits.enabled", "true")`.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let arguments: &[Option<&'static str>] = match env::var("FANONE_TEST_FORM").as_deref() {
            Ok("five") => &[Some("user"), Some("video"), Some("interaction"), Some("social"), Some("http")],
            Ok("one") | Err(_) => &[None],
            Ok(other) => panic!("FANONE_TEST_FORM is `one` or `five`, not `{other}`"),
        };
        let role = |argument: &Option<&'static str>| Role {
            argument: *argument,
            admin_port: ports::free(),
            process: None,
        };
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut site = Self {
            roles: arguments.iter().map(role).collect(),
            http_port: ports::free(),
            rpc_ports: [(); 4].map(|()| ports::free()),
            settings: SETTINGS.iter().chain(settings).map(owned).collect(),
            folder: Folder::create(),
        };
        site.launch().await;
        site
    }

    /// The site that the tests of one binary share when they need no settings of their own.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Site> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts the processes again that [`Site::kill`], [`Site::kill_service`] or [`Site::stop`] ended, on the same data
    /// and ports.
    pub async fn launch(&mut self) {
        for index in 0..self.roles.len() {
            let ended = self.roles.get(index).filter(|role| role.process.is_none());
            let process = ended.map(|role| Process::start(self.command(role)));
            if let (Some(role), Some(_)) = (self.roles.get_mut(index), &process) {
                role.process = process;
            }
        }
        let http = reqwest::Client::new();
        eventually_within(Duration::from_secs(60), "the site is ready", async || {
            for role in &self.roles {
                self.assert_alive(role);
                let url = format!("http://127.0.0.1:{}/readyz", role.admin_port);
                let answer = http.get(url).send().await.map_err(|error| error.to_string())?;
                if !answer.status().is_success() {
                    return Err(answer.text().await.unwrap_or_default());
                }
            }
            Ok(())
        })
        .await;
    }

    fn assert_alive(&self, role: &Role) {
        let exit = role.process.as_ref().and_then(Process::exited);
        assert!(exit.is_none(), "the program ended at its start: {exit:?}\n{}", self.log());
    }

    /// Starts a second HTTP front on the same services, files and keys, with a cache of its own unless the settings name
    /// one that both can reach.
    pub async fn second_front(&self) -> Front {
        let role = Role { argument: Some("http"), admin_port: ports::free(), process: None };
        let port = ports::free();
        let mut command = self.command(&role);
        command.env("FANONE_HTTP__LISTEN", format!("127.0.0.1:{port}"));
        let front = Front { url: format!("http://127.0.0.1:{port}"), _process: Process::start(command) };
        eventually_within(Duration::from_secs(60), "the second front is ready", async || {
            let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", role.admin_port)).await;
            let status = answer.map_err(|error| error.to_string())?.status();
            if status.is_success() { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
        front
    }

    fn command(&self, role: &Role) -> Command {
        let mut command = process::dying_with_us(&program());
        command.args(role.argument);
        forget_settings(&mut command);
        command.env("FANONE_DATA_DIR", self.data_dir());
        command.env("FANONE_HTTP__LISTEN", format!("127.0.0.1:{}", self.http_port));
        command.env("FANONE_ADMIN__LISTEN", format!("127.0.0.1:{}", role.admin_port));
        for (service, port) in SERVICES.iter().zip(self.rpc_ports) {
            command.env(format!("FANONE_{}__LISTEN", service.to_uppercase()), format!("127.0.0.1:{port}"));
        }
        if role.argument.is_some() {
            command.env("FANONE_REGISTRY__URL", self.static_registry());
        }
        for (key, value) in &self.settings {
            command.env(format!("FANONE_{}", key.replace('.', "__").to_uppercase()), value);
        }
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("open the log");
        let errors = log.try_clone().expect("share the log");
        command.stdin(Stdio::null()).stdout(log).stderr(errors).current_dir(self.folder.path());
        command
    }

    fn static_registry(&self) -> String {
        let places = SERVICES.iter().zip(self.rpc_ports);
        let places: Vec<_> =
            places.map(|(service, port)| format!("fanone.{service}=127.0.0.1:{port}")).collect();
        format!("static:{}", places.join(","))
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.roles.iter().filter_map(|role| role.process.as_ref())
    }

    /// Ends every process at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.processes().for_each(|process| process.send(Signal::Kill));
        self.stop(Signal::Kill).await;
    }

    /// Kills the process of one service. Does nothing and says `false` where the whole site is one process.
    pub async fn kill_service(&mut self, service: &str) -> bool {
        let role = self.roles.iter_mut().find(|role| role.argument == Some(service));
        let Some(process) = role.and_then(|role| role.process.take()) else { return false };
        process.send(Signal::Kill);
        process.wait().await;
        true
    }

    /// Sends `signal` to every process and waits for the last to end.
    pub async fn stop(&mut self, signal: Signal) -> Stopped {
        let begun = Instant::now();
        let mut exits = Vec::new();
        // The front goes first, as in any orderly stop: it still asks the others.
        for process in self.processes().collect::<Vec<_>>().into_iter().rev() {
            process.send(signal);
            exits.push(process.wait().await);
        }
        self.roles.iter_mut().for_each(|role| role.process = None);
        Stopped { exits, took: begun.elapsed() }
    }

    /// Kills the site and starts it again.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.launch().await;
    }

    /// Runs the program with `arguments`, in the site's folder and with its settings, to its end.
    pub async fn command_output(&self, arguments: &[&str]) -> Output {
        let role = self.roles.first().expect("a site has a process");
        let mut command = self.command(&Role { argument: None, admin_port: role.admin_port, process: None });
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        tokio::task::spawn_blocking(move || command.output().expect("run the program"))
            .await
            .expect("the command is waited for")
    }

    /// Whether every process runs.
    pub fn is_alive(&self) -> bool {
        self.processes().all(|process| process.exited().is_none())
    }

    /// Somebody who is not logged in.
    pub fn guest(&self) -> Client {
        Client::guest(self.url(""))
    }

    /// Somebody who just registered under a unique name that starts with `name`, and logged in.
    pub async fn user(&self, name: &str) -> Client {
        let mut client = self.guest();
        client.register_and_login(&crate::unique(name)).await;
        client
    }

    /// The address of a path of the HTTP front.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http_port)
    }

    /// The address of a path of each admin port.
    pub fn admin_urls(&self, path: &str) -> Vec<String> {
        self.roles.iter().map(|role| format!("http://127.0.0.1:{}{path}", role.admin_port)).collect()
    }

    /// Where the HTTP front listens.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http_port)
    }

    /// Where the four services listen for Thrift.
    pub fn rpc_addresses(&self) -> Vec<String> {
        self.rpc_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
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
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// The most memory that any one process has held, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        self.processes().map(Process::peak_memory_kib).max().unwrap_or_default()
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
        folder::files_below(&self.data_dir().join("media"))
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }
}

/// Settings of the test's own environment are not the program's.
pub(crate) fn forget_settings(command: &mut Command) {
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("FANONE_") || name == "RUST_LOG" {
            command.env_remove(&key);
        }
    }
}

/// The program under test: `FANONE_BIN`, or the one that cargo built beside this test.
pub(crate) fn program() -> PathBuf {
    if let Some(path) = env::var_os("FANONE_BIN") {
        return PathBuf::from(path);
    }
    let own = env::current_exe().expect("a test has a path");
    let found = own.ancestors().skip(1).map(|folder| folder.join("fanone")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no program `fanone` above {}: cargo build first", shown(&own)))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
