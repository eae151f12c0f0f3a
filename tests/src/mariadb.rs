//! A MariaDB of a test's own, with an empty data folder, that logs every statement and its plan.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Signal, eventually_within,
    folder::Folder,
    instance::{program_with, variable},
    ports,
    process::{self, Process},
};

/// What the site logs in as: it may change rows and nothing else.
pub const USER: &str = "site";

/// A running server. It ends with this value.
pub struct Mariadb {
    process: Process,
    port: u16,
    folder: Folder,
}

impl Mariadb {
    /// Installs a data folder and starts a server on it.
    pub async fn start() -> Self {
        let folder = Folder::create();
        let user = output(Command::new("id").arg("-un"));
        let user = format!("--user={}", user.trim());
        let data = format!("--datadir={}", folder.path().join("data").display());
        let mut install = Command::new("mariadb-install-db");
        install.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--force",
        ]);
        output(install.args([&user, &data]));
        let port = ports::free();
        let mut command = process::dying_with_us(Path::new("mariadbd"));
        command.args(["--no-defaults", &user, &data, &format!("--port={port}"), "--bind-address=127.0.0.1"]);
        command.args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"]);
        command.args(["--skip-name-resolve", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=2"]);
        // What the optimizer knows of the tables changes by ANALYZE alone, so that its choices stay the same.
        command.args(["--innodb-buffer-pool-size=512M", "--innodb-stats-auto-recalc=OFF"]);
        command.args(["--slow-query-log=ON", "--long-query-time=0", "--log-output=FILE"]);
        command.args(["--log-slow-verbosity=query_plan,explain"]);
        for (option, file) in [("socket", "my.sock"), ("pid-file", "pid"), ("slow-query-log-file", "log")] {
            command.arg(format!("--{option}={}", folder.path().join(file).display()));
        }
        let errors = fs::File::create(folder.path().join("errors")).expect("make a log file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let server = Self { process: Process::start(command), port, folder };
        eventually_within(Duration::from_secs(60), "MariaDB answers", async || {
            assert!(server.process.exited().is_none(), "MariaDB ended: {}", server.errors());
            server.client().arg("--execute=SELECT 1").output().map_or_else(
                |error| panic!("{error}: `scripts/servers up mariadb` installs MariaDB"),
                |run| if run.status.success() { Ok(()) } else { Err(server.errors()) },
            )
        })
        .await;
        server.sql(&format!("CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{USER}'"));
        server
    }

    /// Makes a database that the site may use, and says its URL.
    pub fn create_database(&self, name: &str) -> String {
        self.sql(&format!(
            "CREATE DATABASE {name}; GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {USER}@'127.0.0.1'"
        ));
        format!("mysql://{USER}:{USER}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs `fanone migrate` with the settings of a site, as somebody who may change schemas.
    pub fn migrate(&self, settings: &[(&str, &str)]) {
        let as_root = |value: &str| value.replace(&format!("{USER}:{USER}@"), "root@");
        let settings = settings.iter().map(|(key, value)| (variable(key), as_root(value)));
        let log = self.folder.path().join("migrate");
        let migrated = program_with(settings, &log, self.folder.path()).arg("migrate").status();
        let text = fs::read_to_string(&log).unwrap_or_default();
        assert!(migrated.is_ok_and(|status| status.success()), "fanone migrate: {text}");
    }

    /// Runs statements as an administrator and gives the rows: columns by tabs, no heads.
    pub fn sql(&self, statements: &str) -> String {
        run(self.client(), statements)
    }

    /// Runs statements in a database as the site would.
    pub fn sql_of_site(&self, database: &str, statements: &str) -> String {
        let mut client = self.client();
        client.args([&format!("--user={USER}"), &format!("--password={USER}"), "--host=127.0.0.1"]);
        client.args([&format!("--port={}", self.port), "--protocol=tcp", database]);
        run(client, statements)
    }

    /// All that the server has logged: of each statement who ran it, how it was carried out, and its text.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).expect("read the log")).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }

    fn client(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names", "--raw"]);
        command.arg(format!("--socket={}", self.folder.path().join("my.sock").display()));
        command
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        self.process.send(Signal::Kill);
    }
}

fn run(mut client: Command, statements: &str) -> String {
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = client.spawn().expect("run the client of MariaDB");
    child.stdin.take().expect("a pipe").write_all(statements.as_bytes()).expect("send the statements");
    let run = child.wait_with_output().expect("wait for the client");
    let shown: String = statements.chars().take(2000).collect();
    assert!(run.status.success(), "{}\n{shown}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).into_owned()
}

fn output(command: &mut Command) -> String {
    let run = command.output().unwrap_or_else(|error| {
        panic!(
            "{command:?}: {error}: `scripts/servers up mariadb` installs MariaDB, `cargo build` the program"
        )
    });
    assert!(run.status.success(), "{command:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).into_owned()
}
