//! The processes that are measured.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

/// Clock ticks in a second, as /proc counts CPU time on Linux.
const TICKS: u64 = 100;

pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// The whole site on embedded parts, without rate limits.
    pub(crate) async fn start_site(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(program);
        command
            .env("FANONE_DATA_DIR", folder.join("site"))
            .env("FANONE_HTTP__LISTEN", address.to_string())
            .env("FANONE_LIMITS__ENABLED", "false")
            .env("FANONE_TELEMETRY__LOG_LEVEL", "warn");
        for section in ["ADMIN", "USER", "VIDEO", "INTERACTION", "SOCIAL"] {
            command.env(format!("FANONE_{section}__LISTEN"), free_address()?.to_string());
        }
        Self::start(command, address).await
    }

    /// The floor, which answers `body`.
    pub(crate) async fn start_floor(program: &Path, folder: &Path, body: &[u8]) -> anyhow::Result<Self> {
        let (file, address) = (folder.join("floor-body"), free_address()?);
        std::fs::write(&file, body)?;
        let mut command = Command::new(program);
        command.arg("--http").arg(address.to_string()).arg("--rpc").arg(free_address()?.to_string());
        command.arg("--body").arg(file);
        Self::start(command, address).await
    }

    async fn start(mut command: Command, address: SocketAddr) -> anyhow::Result<Self> {
        command.stdout(Stdio::null()).stdin(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("starting {command:?}; is it built?"))?;
        for _ in 0..200 {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Self { child, address });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{command:?} does not listen on {address}")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time spent so far, user and system.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(self.proc("stat")?)?;
        // The fields after the program's name in brackets; utime and stime are the 14th and 15th of all.
        let fields = stat.rsplit_once(')').context("no name in /proc/PID/stat")?.1;
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS))
    }

    /// Memory in use now.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(self.proc("status")?)?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        Ok(format!("/proc/{}/{file}", self.child.id().context("the process has ended")?))
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
