//! A running FanOne with a data folder, ports, databases and a cache of its own.

mod front;
mod look;
mod scraped;
mod ways;

use std::{
    collections::BTreeMap,
    process::{Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

pub use front::Front;
use scraped::Scraped;
use tokio::sync::OnceCell;

use crate::{
    Signal, eventually_within,
    folder::Folder,
    instance::{self, Instance, variable},
    jaeger::Jaeger,
    milvus::Milvus,
    nacos::Namespace,
    process::Process,
    relay::Relay,
    world::{Bucket, Databases, Form, Redis, World},
};

/// The services, in the order of their ports.
pub const SERVICES: [&str; 4] = ["user", "video", "interaction", "social"];

/// What a test's site has unlike the defaults: no rate limits, quick counters, and patience, because
/// a test machine may be slow and busy.
const SETTINGS: [(&str, &str); 9] = [
    ("limits.enabled", "false"),
    ("counters.interval_ms", "200"),
    ("calls.rpc_timeout_ms", "15000"),
    ("calls.connect_timeout_ms", "2000"),
    ("http.request_timeout_ms", "30000"),
    ("database.acquire_timeout_ms", "10000"),
    ("database.transaction_timeout_ms", "15000"),
    ("cache.timeout_ms", "2000"),
    ("vectors.timeout_ms", "3000"),
];

/// How a site ended.
#[derive(Debug)]
pub struct Stopped {
    /// Of each process.
    pub exits: Vec<ExitStatus>,
    /// From the signal to the exit, of the process that took longest.
    pub took: Duration,
}

/// A running FanOne. It ends with this value.
pub struct Site {
    /// The first to be dropped: what it waits for must still run.
    _scraped: Option<Scraped>,
    form: Form,
    instances: Vec<Instance>,
    /// Through which clients come where there are two fronts.
    round_robin: Option<Relay>,
    /// Lies between the processes and their Redis, where there is one.
    cache_relay: Option<Relay>,
    servers: Option<(Databases, Redis)>,
    /// In which the processes find each other, where they do so by a Nacos.
    namespace: Option<Namespace>,
    /// Where media are not in a folder.
    bucket: Option<Bucket>,
    /// Where vectors are not in the memory of the processes.
    milvus: Option<Milvus>,
    /// What else can be disturbed, by name: see [`Site::lay_relays`].
    ways: BTreeMap<String, Relay>,
    settings: Vec<(String, String)>,
    /// Whether clients do.
    reuses_connections: bool,
    folder: Folder,
}

impl Site {
    /// Starts a site and waits until it is ready.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`Site::start`], with settings named as in the default file: `("limits.enabled", "true")`.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let mut site = Self::prepared(settings).await;
        site.launch().await;
        site
    }

    /// A site of which everything is there but its processes; [`Site::launch`] starts them.
    pub async fn prepared(settings: &[(&str, &str)]) -> Self {
        let (form, world) = (Form::of_run(), World::of_run());
        let instances: Vec<_> = form.processes().into_iter().map(Instance::new).collect();
        let fronts: Vec<u16> = instances.iter().filter_map(|one| one.port("http")).collect();
        let folder = Folder::create();
        let servers = (world != World::Embedded)
            .then(|| (Databases::take(world.shards()), Redis::start(folder.path())));
        let mut site = Self {
            form,
            _scraped: Scraped::announce(&instances),
            instances,
            round_robin: (fronts.len() > 1).then(|| Relay::start(fronts)),
            cache_relay: servers.as_ref().map(|(_, redis)| Relay::start(vec![redis.port])),
            servers,
            namespace: (form != Form::One).then(Namespace::of_run).flatten(),
            bucket: Bucket::of_run(),
            milvus: Milvus::of_run(),
            ways: BTreeMap::new(),
            settings: Vec::new(),
            // A connection that stays open would keep a client at one of the fronts.
            reuses_connections: form != Form::Ten,
            folder,
        };
        site.settings = site.own_settings();
        site.settings.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        site.migrate().await;
        site
    }

    /// What a test's settings are laid over.
    fn own_settings(&self) -> Vec<(String, String)> {
        let mut own = vec![("data_dir".to_owned(), self.data_dir().display().to_string())];
        own.extend(SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        if let Some(relay) = &self.round_robin {
            own.push(("http.public_url".to_owned(), format!("http://127.0.0.1:{}", relay.port())));
        }
        if self.form != Form::One {
            own.push(("registry.url".to_owned(), self.registry()));
        }
        if let (Some((databases, redis)), Some(relay)) = (&self.servers, &self.cache_relay) {
            own.extend(databases.settings());
            own.push(("cache.url".to_owned(), redis.url_at(relay.port())));
        }
        if let Some(namespace) = &self.namespace {
            own.push(("config.url".to_owned(), namespace.url()));
        }
        if let Some(bucket) = &self.bucket {
            own.push(("media.url".to_owned(), bucket.url.clone()));
        }
        if let Some(milvus) = &self.milvus {
            own.push(("vectors.url".to_owned(), milvus.url()));
        }
        own.extend(Jaeger::settings_of_run());
        own
    }

    /// Makes the tables on a server; embedded databases make their own.
    async fn migrate(&mut self) {
        let Some((databases, _)) = self.servers.as_ref().filter(|(it, _)| !it.has_its_schema) else { return };
        let settings = [self.settings.clone(), databases.migration_settings()].concat();
        let output = self.output_of(&["migrate"], settings).await;
        assert!(output.status.success(), "fanone migrate: {}", String::from_utf8_lossy(&output.stderr));
        if let Some((databases, _)) = &mut self.servers {
            databases.has_its_schema = true;
        }
    }

    /// The site that the tests of one binary share when they need no settings of their own.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Site> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts the processes again that [`Site::kill`], [`Site::kill_service`], [`Site::kill_one`] or [`Site::stop`] ended,
    /// on the same data and ports.
    pub async fn launch(&mut self) {
        self.launch_without_waiting();
        let http = reqwest::Client::new();
        eventually_within(Duration::from_secs(60), "the site is ready", async || {
            for one in &self.instances {
                self.assert_alive(one);
                let answer =
                    http.get(one.admin_url("/readyz")).send().await.map_err(|error| error.to_string())?;
                if !answer.status().is_success() {
                    return Err(answer.text().await.unwrap_or_default());
                }
            }
            Ok(())
        })
        .await;
    }

    /// As [`Site::launch`], for a site that will not be ready.
    pub fn launch_without_waiting(&mut self) {
        for index in 0..self.instances.len() {
            let ended = self.instances.get(index).filter(|one| one.process.is_none());
            let process = ended.map(|one| Process::start(self.command(one)));
            if let (Some(one), Some(_)) = (self.instances.get_mut(index), &process) {
                one.process = process;
            }
        }
    }

    fn assert_alive(&self, one: &Instance) {
        let exit = one.process.as_ref().and_then(Process::exited);
        assert!(exit.is_none(), "the program ended at its start: {exit:?}\n{}", self.log());
    }

    fn command(&self, one: &Instance) -> Command {
        let mut command = self.program(self.settings.clone());
        command.envs(one.places()).args(one.role);
        command
    }

    fn program(&self, settings: Vec<(String, String)>) -> Command {
        let variables = settings.into_iter().map(|(key, value)| (variable(&key), value));
        instance::program_with(variables, &self.folder.log_path(), self.folder.path())
    }

    /// Where the processes find each other.
    fn registry(&self) -> String {
        self.namespace.as_ref().map_or_else(|| self.static_registry(), Namespace::url)
    }

    /// The site's part of the Nacos, where its processes find each other by one.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    fn static_registry(&self) -> String {
        let places = SERVICES.iter().flat_map(|service| {
            self.ports_of(service).map(move |port| format!("fanone.{service}=127.0.0.1:{port}"))
        });
        format!("static:{}", places.collect::<Vec<_>>().join(","))
    }

    fn ports_of(&self, role: &str) -> impl Iterator<Item = u16> {
        self.instances.iter().filter_map(move |one| one.port(role))
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.instances.iter().filter_map(|one| one.process.as_ref())
    }

    /// Ends every process at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.processes().for_each(|process| process.send(Signal::Kill));
        self.stop(Signal::Kill).await;
    }

    /// Kills all processes of one service. Does nothing and says `false` where the whole site is one process.
    pub async fn kill_service(&mut self, service: &str) -> bool {
        let of_service = |one: &Instance| one.role == Some(service);
        let places: Vec<_> = (0..self.instances.len()).filter(|place| self.is(*place, of_service)).collect();
        for place in &places {
            self.kill_one(*place).await;
        }
        !places.is_empty()
    }

    fn is(&self, place: usize, wanted: impl Fn(&Instance) -> bool) -> bool {
        self.instances.get(place).is_some_and(wanted)
    }

    /// Kills the process at `place`, from 0, of [`Site::process_count`]. What it was, for messages.
    pub async fn kill_one(&mut self, place: usize) -> String {
        let Some(one) = self.instances.get_mut(place) else { panic!("there is no process {place}") };
        if let Some(process) = one.process.take() {
            process.send(Signal::Kill);
            process.wait().await;
        }
        format!("{} {place}", one.role.unwrap_or("everything"))
    }

    /// Asks the process at `place`, as of [`Site::kill_one`], to end, and waits until it has.
    pub async fn end_one(&mut self, place: usize) -> ExitStatus {
        let one = self.instances.get_mut(place).and_then(|one| one.process.take());
        let process = one.expect("a process that runs");
        process.send(Signal::Terminate);
        process.wait().await
    }

    /// Where the process at `place` listens as `role`.
    pub fn port_at(&self, place: usize, role: &str) -> u16 {
        self.instances.get(place).and_then(|one| one.port(role)).expect("a process of this role")
    }

    /// How many processes there are when all run.
    pub fn process_count(&self) -> usize {
        self.instances.len()
    }

    /// Sends `signal` to every process and waits for the last to end.
    pub async fn stop(&mut self, signal: Signal) -> Stopped {
        let (mut exits, mut took) = (Vec::new(), Duration::ZERO);
        // The front goes first, as in any orderly stop: it still asks the others.
        for process in self.processes().collect::<Vec<_>>().into_iter().rev() {
            let begun = Instant::now();
            process.send(signal);
            exits.push(process.wait().await);
            took = took.max(begun.elapsed());
        }
        self.instances.iter_mut().for_each(|one| one.process = None);
        Stopped { exits, took }
    }

    /// Kills the site and starts it again.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.launch().await;
    }

    /// Changes a setting, from the next [`Site::launch`] on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    /// Runs the program with `arguments`, in the site's folder and with its settings, to its end.
    pub async fn command_output(&self, arguments: &[&str]) -> Output {
        self.output_of(arguments, self.settings.clone()).await
    }

    /// As [`Site::command_output`], with settings laid over the site's.
    pub async fn command_output_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        let mut all = self.settings.clone();
        all.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self.output_of(arguments, all).await
    }

    async fn output_of(&self, arguments: &[&str], settings: Vec<(String, String)>) -> Output {
        const PATIENCE: Duration = Duration::from_secs(300);
        let mut command = self.program(settings);
        // A whole site needs more ports than a process of one role has; the usual ones may be another test's.
        command.envs(Instance::new(None).places());
        command.envs(self.instances.first().into_iter().flat_map(Instance::places));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = tokio::process::Command::from(command).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, output).await.expect("the program comes to its end");
        output.expect("run the program")
    }

    /// The value of a setting that the site is started with; empty where it has the default.
    pub fn setting(&self, key: &str) -> String {
        let found = self.settings.iter().rev().find(|(name, _)| name == key);
        found.map_or_else(String::new, |(_, value)| value.clone())
    }

    /// Runs statements in a database of `service` as its administrator, where there is a server.
    pub fn administer(&mut self, service: &str, sql: &str) -> String {
        self.servers.as_mut().map_or_else(String::new, |(databases, _)| databases.administer(service, sql))
    }

    /// The password of the services at their databases; nothing that is ever shown where they need none.
    pub fn database_password(&self) -> String {
        let password = self.servers.as_ref().map(|(databases, _)| databases.password());
        password.unwrap_or_else(|| "no password".to_owned())
    }

    /// The secret of the site's bucket; nothing that is ever shown where it has none.
    pub fn bucket_secret(&self) -> String {
        self.bucket.as_ref().map_or_else(|| "no secret".to_owned(), Bucket::secret)
    }

    /// The site's part of the Milvus, where it has one.
    pub fn milvus(&self) -> Option<&Milvus> {
        self.milvus.as_ref()
    }

    /// Kills the site's Redis, where it has one.
    pub async fn stop_redis(&mut self) {
        if let Some((_, redis)) = &mut self.servers {
            redis.stop().await;
        }
    }

    /// Starts the site's Redis again; it has forgotten everything.
    pub fn start_redis(&mut self) {
        if let Some((_, redis)) = &mut self.servers {
            redis.launch();
        }
    }
}
