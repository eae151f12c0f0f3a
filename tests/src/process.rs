//! One child process: started, signalled, measured, and never left behind.

use std::{
    fs,
    io::Read as _,
    process::{Command, ExitStatus},
    sync::mpsc,
    thread,
};

use tokio::sync::watch;

/// What a process can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What an orchestrator sends first.
    Terminate,
    /// Nothing can be done about it.
    Kill,
}

pub(crate) struct Process {
    pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts `command` from a thread that lives as long as the child. The kernel kills the child
    /// when that thread ends, and the thread ends with the test process, however that happens.
    pub(crate) fn start(mut command: Command) -> Self {
        let (pid_sender, pid) = mpsc::channel();
        let (exit_sender, exit) = watch::channel(None);
        thread::spawn(move || {
            let mut child = command.spawn().expect("start the program");
            pid_sender.send(child.id()).ok();
            exit_sender.send(child.wait().ok()).ok();
        });
        Self { pid: pid.recv().expect("the program started"), exit }
    }

    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let status = *exit.wait_for(Option::is_some).await.expect("the child's thread reports its end");
        status.expect("wait_for saw a status")
    }

    pub(crate) fn send(&self, signal: Signal) {
        if self.exited().is_some() {
            return;
        }
        let name = match signal {
            Signal::Interrupt => "-INT",
            Signal::Terminate => "-TERM",
            Signal::Kill => "-KILL",
        };
        Command::new("kill").args([name, &self.pid.to_string()]).status().expect("run kill");
    }

    /// The most memory that the process has ever held, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status = self.proc_file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line VmHWM");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number of KiB")
    }

    /// User and system time so far, in seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        const TICKS_PER_S: f64 = 100.0;
        let stat = self.proc_file("stat");
        // The name in parentheses may hold blanks: count the fields after it.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|field| field.parse::<f64>().expect("a number of ticks")).sum::<f64>() / TICKS_PER_S
    }

    fn proc_file(&self, name: &str) -> String {
        let mut text = String::new();
        let mut file = fs::File::open(format!("/proc/{}/{name}", self.pid)).expect("the process lives");
        file.read_to_string(&mut text).expect("read from /proc");
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.send(Signal::Kill);
    }
}

/// `program`, run so that it dies with the thread that starts it, where util-linux is installed.
pub(crate) fn dying_with_us(program: &std::path::Path) -> Command {
    let has_setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !has_setpriv {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}
