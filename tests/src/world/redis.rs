//! A Redis of one site, which a test may end and start again.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Signal, ports,
    process::{self, Process},
};

/// A `redis-server` that keeps nothing on disk. It ends with the value.
pub(crate) struct Redis {
    pub(crate) port: u16,
    password: String,
    folder: PathBuf,
    process: Option<Process>,
}

impl Redis {
    /// Starts one with its settings and its log in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let password = format!("secret-{:016x}", rand::random::<u64>());
        let mut redis = Self { port: ports::free(), password, folder: folder.to_owned(), process: None };
        let settings = format!(
            "port {}\nbind 127.0.0.1\nsave \"\"\nappendonly no\nrequirepass {}\nlogfile redis.log\n",
            redis.port, redis.password
        );
        fs::write(redis.folder.join("redis.conf"), settings).expect("write redis.conf");
        redis.launch();
        redis
    }

    /// Starts it again, empty.
    pub(crate) fn launch(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(20);
        let mut command = process::dying_with_us(Path::new("redis-server"));
        let output = OpenOptions::new().create(true).append(true).open(self.folder.join("redis.log"));
        command.arg("redis.conf").current_dir(&self.folder).stdout(output.expect("open redis.log"));
        self.process = Some(Process::start(command));
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < PATIENCE, "redis-server is not ready within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream.write_all(format!("AUTH {}\r\nPING\r\n", self.password).as_bytes());
        let mut answer = [0; b"+OK\r\n+PONG\r\n".len()];
        asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"+PONG\r\n")
    }

    /// Kills it. What it held is gone.
    pub(crate) async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.send(Signal::Kill);
            process.wait().await;
        }
    }

    /// Its URL for who comes to `port`.
    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("redis://:{}@127.0.0.1:{port}", self.password)
    }
}
