//! The daemon under supervision: sockets and state outlive its processes, which are ended and started again.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use nix::sys::signal::Signal;

use super::report::Growth;
use crate::aws_source::environment;
use crate::loopback;
use crate::restart::supervisor::Supervisor;

/// Below the ports that the kernel chooses.
const PORT: u16 = 5300;
/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);
/// After so long a process is warm.
const WARM: Duration = Duration::from_secs(5);
/// What lets a process have another clock; Debian's package `libfaketime`.
const FAKETIME: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];
/// Names that library, if it is elsewhere.
const NAMED: &str = "ECS_RESOLVER_FAKETIME";
/// Configurations that can be taken over without a restart, and one that cannot be taken over at all.
const CONFIGURATIONS: [&str; 3] = ["[dns]\nttl = 5\n", "[dns]\nttl = 4\n", "[dns]\nttl = \"long\"\n"];

/// The daemon, and what outlives it.
pub struct Subject {
    /// Where it answers.
    pub dns: SocketAddr,
    /// Whether its state is on a file system of its own, which can be filled.
    has_a_disk: bool,
    folder: tempfile::TempDir,
    supervisor: Mutex<Supervisor>,
    life: Mutex<Life>,
    /// Of the processes that have ended.
    growth: Mutex<Vec<Growth>>,
}

/// One process.
struct Life {
    pid: i32,
    since: Instant,
    /// Memory in KiB and descriptors, once warm.
    warm: Option<[u64; 2]>,
}

impl Life {
    fn of(supervisor: &Supervisor) -> Self {
        Self { pid: supervisor.pid.as_raw(), since: Instant::now(), warm: None }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The library that fakes the clock, if it is there.
fn faketime() -> Option<PathBuf> {
    let named = std::env::var_os(NAMED).map(PathBuf::from);
    named.or_else(|| FAKETIME.into_iter().map(PathBuf::from).find(|path| path.exists()))
}

impl Subject {
    /// Starts it and waits until it answers.
    pub fn start(endpoint: &str, upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (disk, config, clock, snapshot) = (path("disk"), path("c.toml"), path("clock"), path("disk/inventory"));
        fs::create_dir(&disk).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs", &disk]).output();
        fs::write(&config, CONFIGURATIONS[0]).and_then(|()| fs::write(&clock, "+0")).expect("files");
        let dns = SocketAddr::from((loopback::address(), PORT));
        let (listen, upstream) = (dns.to_string(), upstream.to_string());
        let arguments = [
            &["run", "--config", &config, "--cluster", "prod", "--fallback", "off", "--http", "127.0.0.1:0"][..],
            &["--poll-interval", "500ms", "--cache-size", "1MiB", "--snapshot", &snapshot],
            &["--listen", &listen, "--upstream", &upstream],
        ];
        let library = faketime().map(|library| library.to_str().expect("UTF-8").to_owned());
        let mut environment = environment(endpoint);
        if let Some(library) = &library {
            environment.extend([("LD_PRELOAD", library.as_str()), ("FAKETIME_TIMESTAMP_FILE", &clock)]);
            environment.extend([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
        }
        let mut supervisor = Supervisor::new(&[("udp", dns), ("tcp", dns)], &arguments.concat(), &environment);
        supervisor.start("");
        let life = Mutex::new(Life::of(&supervisor));
        let has_a_disk = mounted.is_ok_and(|mounted| mounted.status.success());
        let subject =
            Self { dns, has_a_disk, folder, supervisor: Mutex::new(supervisor), life, growth: Mutex::default() };
        let until = Instant::now() + PATIENCE;
        while !subject.answers() {
            assert!(Instant::now() < until, "it does not answer: {}", subject.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        subject
    }

    /// Whether its clock can be set.
    pub fn has_a_clock(&self) -> bool {
        faketime().is_some()
    }

    /// Whether its disk can be filled.
    pub fn has_a_disk(&self) -> bool {
        self.has_a_disk
    }

    /// Sets its wall clock to the true one and so much: `+1d`, `-2h`.
    pub fn set_clock(&self, offset: &str) {
        let (next, path) = (self.folder.path().join("clock.next"), self.folder.path().join("clock"));
        fs::write(&next, offset).and_then(|()| fs::rename(&next, &path)).expect("a file");
    }

    /// Leaves no room on its disk.
    pub fn fill_the_disk(&self) {
        let mut filler = fs::File::create(self.folder.path().join("disk/filler")).expect("a file");
        while filler.write_all(&[0; 512]).is_ok() {}
    }

    /// Gives the room back.
    pub fn clear_the_disk(&self) {
        fs::remove_file(self.folder.path().join("disk/filler")).expect("a file");
    }

    /// Has it read other configurations, one that cannot be taken over among them.
    pub fn reload(&self, pause: Duration) {
        for text in CONFIGURATIONS.into_iter().rev() {
            fs::write(self.folder.path().join("c.toml"), text).expect("a file");
            lock(&self.supervisor).signal(Signal::SIGHUP);
            std::thread::sleep(pause);
        }
    }

    /// Ends the process by this signal, and starts another when it has ended.
    pub fn replace(&self, signal: Signal) {
        self.take_leave();
        let mut supervisor = lock(&self.supervisor);
        supervisor.signal(signal);
        let status = supervisor.end();
        assert!(signal == Signal::SIGKILL || status == 0, "it ended with {status}: {}", supervisor.log());
        supervisor.start("");
        *lock(&self.life) = Life::of(&supervisor);
    }

    /// Looks at what it has, once it is warm, and that it has not ended by itself.
    pub fn look(&self) {
        let mut life = lock(&self.life);
        let has = measure(life.pid);
        assert!(has.is_some(), "it has ended: {}", self.log());
        if life.warm.is_none() && life.since.elapsed() > WARM {
            life.warm = has;
        }
    }

    /// Takes note of what the process has at its end.
    fn take_leave(&self) {
        let life = lock(&self.life);
        if let (Some(warm), Some(end)) = (life.warm, measure(life.pid)) {
            lock(&self.growth).push(Growth { memory: [warm[0], end[0]], descriptors: [warm[1], end[1]] });
        }
    }

    /// Lets it open so many more descriptors than it has now; `None`: as many as it likes.
    pub fn limit_descriptors(&self, more: Option<u64>) {
        let pid = lock(&self.life).pid;
        let limit = match more {
            Some(more) => measure(pid).map_or(0, |[_, open]| open) + more,
            None => 4096,
        };
        let set = Command::new("prlimit").args([&format!("--pid={pid}"), &format!("--nofile={limit}:")]).status();
        assert!(set.expect("prlimit is there: util-linux").success());
    }

    /// What the processes had at their ends, this one included.
    pub fn finish(self) -> Vec<Growth> {
        self.take_leave();
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

    /// What it has said.
    pub fn log(&self) -> String {
        lock(&self.supervisor).log()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.has_a_disk {
            // Lazily: the process has it open until the supervisor, which is dropped next, ends it.
            let _ = Command::new("umount").arg("-l").arg(self.folder.path().join("disk")).status();
        }
    }
}

/// Resident memory in KiB, and open descriptors, of a process that has not ended.
fn measure(pid: i32) -> Option<[u64; 2]> {
    let folder = Path::new("/proc").join(pid.to_string());
    let status = fs::read_to_string(folder.join("status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let descriptors = fs::read_dir(folder.join("fd")).ok()?.count();
    Some([memory.trim().trim_end_matches(" kB").parse().ok()?, u64::try_from(descriptors).ok()?])
}
