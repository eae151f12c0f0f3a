//! The processes that are measured: the site on some parts, the floor, and others.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::meter::Meter;

/// How often counters travel; the site's default.
pub(crate) const COUNTERS_INTERVAL_MS: u64 = 1000;

/// What the site stands on, embedded or real, and the program.
pub(crate) struct Parts {
    program: PathBuf,
    /// In the environment.
    settings: Vec<(String, String)>,
    /// Processes of servers that work for it: MariaDB, then Redis.
    servers: Vec<u32>,
}

impl Parts {
    /// All in one folder; no servers.
    pub(crate) fn embedded(program: &Path, folder: &Path) -> Self {
        let settings = [
            ("DATA_DIR", folder.display().to_string()),
            ("LIMITS__ENABLED", "false".to_owned()),
            ("TELEMETRY__LOG_LEVEL", "warn".to_owned()),
            ("COUNTERS__INTERVAL_MS", COUNTERS_INTERVAL_MS.to_string()),
        ];
        let settings = settings.map(|(key, value)| (format!("FANONE_{key}"), value)).into();
        Self { program: program.to_owned(), settings, servers: Vec::new() }
    }

    /// The same with other settings and with servers.
    pub(crate) fn with(mut self, settings: Vec<(String, String)>, servers: Vec<u32>) -> Self {
        self.settings.extend(settings);
        self.servers = servers;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.envs(self.settings.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs the program with these arguments until it ends.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self.command().args(arguments).status().await;
        let status = status.with_context(|| format!("{}: is it built?", self.program.display()))?;
        ensure!(status.success(), "fanone {} failed: see above", arguments.join(" "));
        Ok(())
    }

    /// Loads videos with what belongs to them: about `of_each` of an account, with `comments` below every tenth.
    pub(crate) async fn seed(&self, videos: usize, of_each: usize, comments: usize) -> anyhow::Result<()> {
        let [videos, of_each, comments] = [videos, of_each, comments].map(|number| number.to_string());
        self.run(&["seed", "--videos", &videos, "--videos-per-account", &of_each, "--comments", &comments])
            .await
    }

    /// Starts the whole site, without rate limits.
    pub(crate) async fn start(&self) -> anyhow::Result<Process> {
        let (address, admin) = (free_address()?, free_address()?);
        let mut command = self.command();
        command.env("FANONE_HTTP__LISTEN", address.to_string());
        command.env("FANONE_ADMIN__LISTEN", admin.to_string());
        for section in ["USER", "VIDEO", "INTERACTION", "SOCIAL"] {
            command.env(format!("FANONE_{section}__LISTEN"), free_address()?.to_string());
        }
        Process::start(command, address, Some(admin), &self.servers).await
    }
}

/// One that listens.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    meter: Meter,
    pid: u32,
}

impl Process {
    /// The floor, which answers `body`.
    pub(crate) async fn start_floor(program: &Path, folder: &Path, body: &[u8]) -> anyhow::Result<Self> {
        let (file, address) = (folder.join("floor-body"), free_address()?);
        std::fs::write(&file, body)?;
        let mut command = Command::new(program);
        command.arg("--http").arg(address.to_string()).arg("--rpc").arg(free_address()?.to_string());
        command.arg("--body").arg(file).stdin(Stdio::null()).stdout(Stdio::null());
        Self::start(command, address, None, &[]).await
    }

    /// Waits until it listens on `address`. `servers` are processes that work for it, and are metered with it.
    pub(crate) async fn start(
        mut command: Command,
        address: SocketAddr,
        metrics: Option<SocketAddr>,
        servers: &[u32],
    ) -> anyhow::Result<Self> {
        command.kill_on_drop(true);
        let program = command.as_std().get_program().to_owned();
        let mut child = command.spawn().with_context(|| format!("starting {program:?}; is it built?"))?;
        let pid = child.id().context("the process has ended")?;
        for _ in 0..600 {
            if TcpStream::connect(address).await.is_ok() {
                let processes = std::iter::once(pid).chain(servers.iter().copied()).collect();
                return Ok(Self { child, address, meter: Meter::new(processes, metrics), pid });
            }
            if let Some(status) = child.try_wait()? {
                bail!("{program:?} ended with {status}: see above");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{program:?} does not listen on {address}")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it spends, and the servers that work for it.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Memory in use now.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        crate::meter::resident_bytes(self.pid)
    }

    /// Ends it in its own time, so that nothing of it is left behind.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").arg(self.pid.to_string()).status().await?;
        ensure!(asked.success(), "the process has ended by itself");
        match tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await {
            Ok(status) => drop(status?),
            Err(_elapsed) => self.child.kill().await?,
        }
        Ok(())
    }
}

pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
