//! One process of a site.

use std::{
    env,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    ports,
    process::{self, Process},
    site::SERVICES,
};

/// One process: the role that is its command line argument (none for the whole site), and where it listens.
pub(crate) struct Instance {
    pub(crate) role: Option<&'static str>,
    pub(crate) admin_port: u16,
    /// Of each role that it plays.
    pub(crate) ports: Vec<(&'static str, u16)>,
    pub(crate) process: Option<Process>,
}

impl Instance {
    /// One that has not been started.
    pub(crate) fn new(role: Option<&'static str>) -> Self {
        let roles = match role {
            Some(role) => vec![role],
            None => SERVICES.into_iter().chain(["http"]).collect(),
        };
        let ports = roles.into_iter().map(|role| (role, ports::free())).collect();
        Self { role, admin_port: ports::free(), ports, process: None }
    }

    /// Where it plays `role`, if it does.
    pub(crate) fn port(&self, role: &str) -> Option<u16> {
        self.ports.iter().find(|(name, _)| *name == role).map(|(_, port)| *port)
    }

    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin_port)
    }

    /// The variables that say where it listens.
    pub(crate) fn places(&self) -> impl Iterator<Item = (String, String)> {
        let places = self.ports.iter().copied().chain([("admin", self.admin_port)]);
        places.map(|(section, port)| (variable(&format!("{section}.listen")), format!("127.0.0.1:{port}")))
    }
}

/// The program with no settings but those given here. It writes to the end of the file `log`.
pub(crate) fn program_with(
    settings: impl IntoIterator<Item = (String, String)>,
    log: &Path,
    folder: &Path,
) -> Command {
    let mut command = process::dying_with_us(&program());
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("FANONE_") || name == "RUST_LOG" {
            command.env_remove(&key);
        }
    }
    command.envs(settings);
    let log = OpenOptions::new().create(true).append(true).open(log).expect("open the log");
    let errors = log.try_clone().expect("share the log");
    command.stdin(Stdio::null()).stdout(log).stderr(errors).current_dir(folder);
    command
}

/// The variable of a setting that is named as in the default file.
pub(crate) fn variable(key: &str) -> String {
    format!("FANONE_{}", key.replace('.', "__").to_uppercase())
}

/// The program under test: `FANONE_BIN`, or the one that cargo built beside this test.
fn program() -> PathBuf {
    if let Some(path) = env::var_os("FANONE_BIN") {
        return PathBuf::from(path);
    }
    let own = env::current_exe().expect("a test has a path");
    let found = own.ancestors().skip(1).map(|folder| folder.join("fanone")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no program `fanone` above {}: cargo build first", own.display()))
}
