//! The daemon as a user has it: the binary, its ports, its log, its end.

mod reply;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use reply::Reply;

/// Time for anything that should happen; a machine that is busy with other builds is slow.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running `ecs-resolver`; ended when dropped.
pub struct Daemon {
    child: Child,
    /// The process.
    pub pid: u32,
    /// Where it answers DNS; nowhere if it is a controller.
    pub dns: SocketAddr,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// Names another binary to be tested: a release build, for the long runs.
const BINARY: &str = "ECS_RESOLVER_TEST_BINARY";

/// A command of the binary under test, in an environment without settings of ours or of AWS.
pub fn command(arguments: &[&str]) -> Command {
    let binary = std::env::var_os(BINARY).unwrap_or_else(|| env!("CARGO_BIN_EXE_ecs-resolver").into());
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ECS_RESOLVER_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").args(arguments);
    command
}

impl Daemon {
    /// Starts `ecs-resolver` with these arguments and waits for its ports. DNS and HTTP listen on ports of 127.0.0.1
    /// that the kernel chooses.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_and_find(command(arguments), environment, true)
    }

    /// The same by a command that ends in one of the binary.
    pub fn start_by(command: Command) -> Self {
        Self::start_and_find(command, &[], true)
    }

    /// The same with a limit on file descriptors.
    pub fn start_with_descriptors(arguments: &[&str], count: u32) -> Self {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nofile={count}:{count}")).arg(env!("CARGO_BIN_EXE_ecs-resolver")).args(arguments);
        Self::start_and_find(limited, &[], true)
    }

    /// The same under strace(1), which has system calls fail as `faults` say, and writes down in `trace` when.
    pub fn start_traced(arguments: &[&str], environment: &[(&str, &str)], trace: &Path, faults: &[&str]) -> Self {
        let mut traced = Command::new("strace");
        // The daemon is our child, not strace's.
        traced.args(["-D", "-f", "--seccomp-bpf", "-qq", "-ttt", "-o"]).arg(trace);
        let calls: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        traced.arg(format!("--trace={}", calls.join(",")));
        traced.args(faults.iter().map(|fault| format!("--inject={fault}")));
        traced.arg(command(&[]).get_program()).args(arguments);
        Self::start_and_find(traced, environment, true)
    }

    /// Starts `ecs-resolver controller`, which answers no DNS.
    pub fn start_controller(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_and_find(command(&[&["controller"], arguments].concat()), environment, false)
    }

    fn start_and_find(mut command: Command, environment: &[(&str, &str)], has_dns: bool) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        collect(stdout, Arc::clone(&log));
        let lines = collect(stderr, Arc::clone(&log));
        let find = |before: &str| {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
                let line = line.unwrap_or_else(|_| panic!("no line with {before:?} in:\n{}", log.lock().unwrap()));
                let address = line.split_once(before).map(|(_, rest)| rest.split([',', '/', ' ']).next().unwrap());
                if let Some(address) = address {
                    return address.parse().expect("an address");
                }
            }
        };
        let dns = if has_dns { find("answering DNS on ") } else { SocketAddr::from(([0, 0, 0, 0], 0)) };
        let http = find("HTTP on http://");
        Self { pid: child.id(), child, dns, http, log }
    }

    /// What `dig` prints for these arguments, comments and empty lines left out if `+short` is among them.
    pub fn dig(&self, arguments: &str) -> String {
        let server = format!("@{}", self.dns.ip());
        let port = self.dns.port().to_string();
        let mut dig = Command::new("dig");
        dig.args([server.as_str(), "-p", &port, "+tries=1", "+time=30"]).args(arguments.split_whitespace());
        let output = dig.output().expect("dig is installed: apt-get install bind9-dnsutils");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The reply to a question: a name and a type as `dig` takes them.
    pub fn ask(&self, arguments: &str) -> Reply {
        Reply::parse(&self.dig(arguments))
    }

    /// The lines of `dig +short`, sorted.
    pub fn short(&self, arguments: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.dig(&format!("+short {arguments}")).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Waits until `dig +short` gives exactly these lines, in any order.
    pub fn wait_for(&self, arguments: &str, expected: &[&str]) {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        self.wait(&format!("{arguments} is {expected:?}"), || self.short(arguments) == expected);
    }

    /// Waits until `condition` holds.
    pub fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited in vain for: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks until the reply is as `wanted`, and returns it.
    pub fn wait_reply(&self, arguments: &str, what: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.ask(arguments);
            if wanted(&reply) {
                return reply;
            }
            assert!(Instant::now() < deadline, "{arguments} never was {what}: {reply:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the answer has this response code. For what others are asked about: a busy upstream may be too slow
    /// at first, which is SERVFAIL.
    pub fn wait_status(&self, arguments: &str, status: &str) {
        self.wait_reply(arguments, status, |reply| reply.status == status);
    }

    /// Waits until this is in the log, which comes through a pipe: later than what HTTP and DNS tell of the same.
    pub fn wait_log(&self, text: &str) {
        self.wait(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    /// Waits until a metric has this value. Much is counted only after it can be seen elsewhere: a reply once it is
    /// sent, the zone once it is served.
    pub fn wait_metric(&self, name: &str, value: f64) {
        self.wait(&format!("{name} is {value}"), || self.metric(name) == Some(value));
    }

    /// Waits until `/ready` is 200.
    pub fn wait_ready(&self) {
        self.wait("/ready", || self.get("/ready").0 == 200);
    }

    /// Status and body of a page.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.http).expect("HTTP is served");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), body.to_owned())
    }

    /// The value of a metric at this moment, labels as they are written; `None` if it is not exported.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (_, page) = self.get("/metrics");
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Everything it has printed so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(mut self) -> ExitStatus {
        kill(Pid::from_raw(self.pid as i32), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gathers what a stream says, and passes on its lines.
fn collect(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            log.lock().unwrap().push_str(&format!("{line}\n"));
            let _ = sender.send(line);
        }
    });
    lines
}
