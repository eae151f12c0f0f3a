//! The servers that `scripts/servers up` started.

use std::{
    env, fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::repository;

/// The MariaDB for tests, as its administrator.
#[derive(Clone, Debug)]
pub(crate) struct MariaDb {
    /// `user:password` of the administrator.
    pub(crate) administrator: String,
    /// `host:port`.
    pub(crate) address: String,
    socket: String,
}

impl MariaDb {
    pub(crate) fn of_run() -> Self {
        let url = variable("FANONE_TEST_MYSQL");
        let (administrator, address) =
            url.strip_prefix("mysql://").and_then(|rest| rest.split_once('@')).expect("a MySQL URL");
        Self {
            administrator: administrator.to_owned(),
            address: address.to_owned(),
            socket: variable("FANONE_TEST_MYSQL_SOCKET"),
        }
    }

    /// Runs statements and returns the rows as text.
    pub(crate) fn run(&self, sql: &str) -> String {
        let output = self.start(sql).wait_with_output().expect("the client mariadb ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "MariaDB refused `{sql}`: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Begins to run statements that nobody waits for.
    pub(crate) fn start(&self, sql: &str) -> Child {
        let (user, password) = self.administrator.split_once(':').expect("user:password");
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--batch", "--skip-column-names"]);
        command.args(["--user", user, "--socket", &self.socket]).env("MYSQL_PWD", password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the client mariadb");
        let mut input = child.stdin.take().expect("its input is a pipe");
        input.write_all(sql.as_bytes()).expect("send the statements");
        child
    }
}

/// A line of the file that `scripts/servers` writes.
pub(crate) fn variable(name: &str) -> String {
    let folder =
        env::var_os("FANONE_SERVERS_DIR").map_or_else(|| repository(".cache/servers"), PathBuf::from);
    let text = fs::read_to_string(folder.join("env")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    value.unwrap_or_else(|| {
        panic!("no {name} in {}: scripts/servers up mariadb redis jaeger", folder.display())
    })
}
