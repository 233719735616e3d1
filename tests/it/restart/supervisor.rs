//! The part of systemd, played by `tests/play_systemd.py`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::daemon::command;

/// A service that is started, ended and started again.
pub struct Supervisor {
    process: Child,
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    /// The service, while it runs.
    pub pid: Pid,
}

impl Supervisor {
    /// Ready to start the daemon with these arguments; `sockets` are those of the socket unit.
    pub fn new(sockets: &[(&str, SocketAddr)], arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let unit: Vec<_> = sockets.iter().map(|(protocol, address)| format!("{protocol}:{address}")).collect();
        let unit = if unit.is_empty() { "-".to_owned() } else { unit.join(",") };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/play_systemd.py");
        // The environment of the daemons of all tests; the program is another.
        let template = command(&[]);
        let mut python = Command::new("python3");
        template.get_envs().for_each(|(name, value)| match value {
            Some(value) => drop(python.env(name, value)),
            None => drop(python.env_remove(name)),
        });
        python.arg(script).arg(folder.path()).arg(unit).arg(install(folder.path())).args(arguments);
        python.envs(environment.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let log = File::create(folder.path().join("log")).expect("a log");
        let mut process = python.stderr(log).spawn().expect("python3 is installed");
        let replies = BufReader::new(process.stdout.take().expect("its output"));
        Self { orders: process.stdin.take(), process, replies, folder, pid: Pid::from_raw(0) }
    }

    /// Starts the service, with these arguments behind the others, and returns when it is ready.
    pub fn start(&mut self, arguments: &str) {
        let reply = self.order(&format!("start {arguments}"));
        let pid = reply.strip_prefix("ready ").unwrap_or_else(|| panic!("{reply}\n{}", self.log()));
        self.pid = Pid::from_raw(pid.parse().expect("a pid"));
    }

    /// Sends a signal to the service.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it runs");
    }

    /// Waits for the end of the service: its exit status, or minus the signal that ended it.
    pub fn end(&mut self) -> i32 {
        let reply = self.order("end");
        reply.strip_prefix("ended ").and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{reply}"))
    }

    /// Ends the service as `systemctl stop` does.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.end(), 0, "{}", self.log());
    }

    /// Puts another file in the place of the program, as a package does.
    pub fn upgrade(&self) {
        install(self.folder.path());
    }

    /// How many descriptors are kept under each name.
    pub fn stored(&mut self) -> BTreeMap<String, usize> {
        self.counts("store")
    }

    /// How often each line was notified.
    pub fn heard(&mut self) -> BTreeMap<String, usize> {
        self.counts("heard")
    }

    /// What the service has logged, in all its lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    fn counts(&mut self, order: &str) -> BTreeMap<String, usize> {
        let reply = self.order(order);
        let pairs = reply.split(' ').skip(1).filter_map(|pair| pair.rsplit_once('='));
        pairs.map(|(name, count)| (name.to_owned(), count.parse().unwrap_or(0))).collect()
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().expect("open"), "{order}").expect("it reads its orders");
        let mut reply = String::new();
        self.replies.read_line(&mut reply).expect("it replies");
        reply.trim_end().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The end of its orders is the end of the service.
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// Copies the program under test; a running one keeps its old file.
fn install(folder: &Path) -> PathBuf {
    let (fresh, place) = (folder.join("fresh"), folder.join("ecs-resolver"));
    std::fs::copy(command(&[]).get_program(), &fresh).expect("the binary is copied");
    std::fs::rename(&fresh, &place).expect("the binary is put in place");
    place
}
