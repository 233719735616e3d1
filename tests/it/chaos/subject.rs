//! The daemon under supervision: started, killed, started again at the same address.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::report::Growth;
use crate::aws_source::environment;
use crate::daemon::command;
use crate::loopback;

/// Below the ports that the kernel chooses.
const PORT: u16 = 5300;
/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);
/// After so long a process is warm.
const WARM: Duration = Duration::from_secs(5);
/// What lets a process have another clock; Debian's package `libfaketime`.
const FAKETIME: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// The daemon, and what it is started with.
#[derive(Debug)]
pub struct Subject {
    /// Where it answers.
    pub dns: SocketAddr,
    folder: tempfile::TempDir,
    endpoint: String,
    upstream: SocketAddr,
    life: Mutex<Option<Life>>,
    /// Of the processes that have ended.
    growth: Mutex<Vec<Growth>>,
}

#[derive(Debug)]
struct Life {
    child: Child,
    since: Instant,
    /// Memory in KiB and descriptors, once warm.
    warm: Option<[u64; 2]>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The library that fakes the clock, if it is there.
fn faketime() -> Option<PathBuf> {
    let named = std::env::var_os("ECS_RESOLVER_FAKETIME").map(PathBuf::from);
    named.or_else(|| FAKETIME.into_iter().map(PathBuf::from).find(|path| path.exists()))
}

impl Subject {
    /// Starts it and waits until it answers.
    pub fn start(endpoint: String, upstream: SocketAddr) -> Self {
        let subject = Self {
            dns: SocketAddr::from((loopback::address(), PORT)),
            folder: tempfile::tempdir().expect("a folder"),
            endpoint,
            upstream,
            life: Mutex::default(),
            growth: Mutex::default(),
        };
        subject.set_clock("+0");
        subject.revive();
        subject
    }

    /// Whether its clock can be set.
    pub fn has_a_clock() -> bool {
        faketime().is_some()
    }

    /// Sets its wall clock to the true one and so much: `+1d`, `-2h`.
    pub fn set_clock(&self, offset: &str) {
        let (next, path) = (self.path("clock.next"), self.path("clock"));
        fs::write(&next, offset).and_then(|()| fs::rename(&next, &path)).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a process and waits until it answers for the zone.
    pub fn revive(&self) {
        let (dns, upstream) = (self.dns.to_string(), self.upstream.to_string());
        let mut command = command(&["run", "--config", "/dev/null", "--cluster", "prod", "--fallback", "off"]);
        command.args(["--poll-interval", "500ms", "--cache-size", "1MiB", "--http", "127.0.0.1:0"]);
        command.args(["--listen", &dns, "--upstream", &upstream]).envs(environment(&self.endpoint));
        if let Some(library) = faketime() {
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.path("clock"));
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts");
        *lock(&self.life) = Some(Life { child, since: Instant::now(), warm: None });
        self.wait("it answers", || self.answers());
    }

    /// Ends the process by this signal and waits for its end.
    pub fn end(&self, signal: Signal) {
        let Some(mut life) = lock(&self.life).take() else { return };
        if let (Some(warm), Some(end)) = (life.warm, measure(life.child.id())) {
            lock(&self.growth).push(Growth { memory: [warm[0], end[0]], descriptors: [warm[1], end[1]] });
        }
        kill(pid_of(&life.child), signal).expect("it runs");
        let until = Instant::now() + PATIENCE;
        while life.child.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Looks at what it has, once it is warm, and that it has not ended by itself.
    pub fn look(&self) {
        if let Some(life) = lock(&self.life).as_mut() {
            let ended = life.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended, {ended:?}: {}", self.log());
            if life.warm.is_none() && life.since.elapsed() > WARM {
                life.warm = measure(life.child.id());
            }
        }
    }

    /// Lets it open so many more descriptors than it has now; `None`: as many as it likes.
    pub fn limit_descriptors(&self, more: Option<u64>) {
        let Some(pid) = lock(&self.life).as_ref().map(|life| life.child.id()) else { return };
        let limit = match more {
            Some(more) => measure(pid).map_or(0, |[_, open]| open) + more,
            None => 4096,
        };
        let set = Command::new("prlimit").args([&format!("--pid={pid}"), &format!("--nofile={limit}:")]).status();
        assert!(set.expect("prlimit is there: util-linux").success());
    }

    /// What the processes had at their ends, after this one's end.
    pub fn finish(self) -> Vec<Growth> {
        self.end(Signal::SIGTERM);
        std::mem::take(&mut *lock(&self.growth))
    }

    fn answers(&self) -> bool {
        self.look();
        let ask = || -> std::io::Result<Vec<u8>> {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(self.dns)?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            let mut query = Message::new(7, MessageType::Query, OpCode::Query);
            query.add_query(Query::query(Name::from_ascii("svc-0.ecs.internal.").expect("a name"), RecordType::A));
            socket.send(&query.to_vec().expect("a query"))?;
            let mut reply = vec![0; 2048];
            let length = socket.recv(&mut reply)?;
            reply.truncate(length);
            Ok(reply)
        };
        let reply = ask().ok().and_then(|reply| Message::from_vec(&reply).ok());
        reply.is_some_and(|reply| reply.metadata.response_code == ResponseCode::NoError)
    }

    fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < until, "waited in vain until {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(mut life) = lock(&self.life).take() {
            let _ = life.child.kill();
            let _ = life.child.wait();
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

/// Resident memory in KiB, and open descriptors, of a process that has not ended.
fn measure(pid: u32) -> Option<[u64; 2]> {
    let folder = Path::new("/proc").join(pid.to_string());
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let descriptors = fs::read_dir(folder.join("fd")).ok()?.count();
    Some([memory.trim().trim_end_matches(" kB").parse().ok()?, u64::try_from(descriptors).ok()?])
}
