//! System calls that fail inside the daemon, most of them because strace(1) has them fail: it does not end, it does not
//! spin, and it is well again when they are.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;
use crate::restart::load::query;

/// A small inventory, and an upstream that is dead.
const SMALL: [&str; 9] = [
    "run",
    "--source",
    "fixture",
    "--fixture",
    "tests/fixtures/inventory-small.json",
    "--cluster",
    "prod",
    "--upstream",
    "127.0.0.1:9",
];
/// How long anything may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

/// When calls with this name were made to fail, in seconds, those of all threads together. The name goes without its
/// parenthesis: of a call that another thread's came between, strace writes `<... accept4 resumed>` where it failed.
fn failed(trace: &Path, call: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(trace).expect("what strace wrote");
    let lines = text.lines().filter(|line| line.contains(call) && line.contains("(INJECTED)"));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
}

/// Asks over UDP until there is an answer.
fn answers(daemon: &Daemon) {
    let until = Instant::now() + PATIENCE;
    while !is_answered(daemon.dns) {
        assert!(Instant::now() < until, "it does not answer any more: {}", daemon.log());
    }
}

fn is_answered(server: SocketAddr) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a time limit");
    let mut reply = [0; 1500];
    let asked = socket.send(&query("web.ecs.internal.", RecordType::A));
    let heard = asked.and_then(|_| socket.recv(&mut reply));
    let reply = heard.ok().and_then(|length| Message::from_vec(&reply[..length]).ok());
    reply.is_some_and(|reply| reply.metadata.response_code == ResponseCode::NoError && reply.answers.len() == 2)
}

/// Starts it with such calls failing, and the place where strace writes.
fn traced(faults: &[&str]) -> (Daemon, tempfile::NamedTempFile) {
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let daemon = Daemon::start_traced(&SMALL, &[], trace.path(), faults);
    (daemon, trace)
}

#[test]
fn connections_that_cannot_be_accepted_wait_and_nothing_spins() {
    for errno in ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"] {
        let (daemon, trace) = traced(&[&format!("accept4:error={errno}:when=1..20")]);
        // Over UDP, until the inventory is read: before, no question about the zone is answered.
        answers(&daemon);
        let reply = daemon.ask("+tcp web.ecs.internal");
        assert_eq!(reply.status, "NOERROR", "{errno}: {}", daemon.log());
        answers(&daemon);
        daemon.wait_log("a TCP connection of a client cannot be accepted");
        let failed = failed(trace.path(), "accept4");
        assert!(failed.len() >= 20, "{errno}: {failed:?}");
        // The shortest pause is 10 ms, and there are two who accept: DNS and HTTP.
        let took = failed[failed.len() - 1] - failed[0];
        let most = 2.0 * (took / 0.01 + 2.0);
        assert!((failed.len() as f64) <= most, "{errno}: {} tries in {took} s: {failed:?}", failed.len());
        assert!(daemon.terminate().success());
    }
}

#[test]
fn connections_that_are_gone_before_they_are_accepted_cost_nothing() {
    for errno in ["ECONNABORTED", "EPROTO", "ENETDOWN", "EPERM"] {
        let (daemon, trace) = traced(&[&format!("accept4:error={errno}:when=1..20")]);
        answers(&daemon);
        assert_eq!(daemon.ask("+tcp web.ecs.internal").status, "NOERROR", "{errno}: {}", daemon.log());
        assert!(failed(trace.path(), "accept4").len() >= 20);
        answers(&daemon);
        assert!(daemon.terminate().success());
    }
    // And as it comes about: reset while they wait.
    let daemon = Daemon::start(&SMALL, &[]);
    daemon.wait_ready();
    let signal = |signal| kill(Pid::from_raw(daemon.pid as i32), signal).expect("it runs");
    signal(Signal::SIGSTOP);
    for _ in 0..200 {
        let stream = TcpStream::connect(daemon.dns).expect("room in the queue");
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option of TCP");
    }
    signal(Signal::SIGCONT);
    assert_eq!(daemon.ask("+tcp web.ecs.internal").status, "NOERROR");
    daemon.wait_metric("ecs_resolver_dns_tcp_connections", 0.0);
}

#[test]
fn datagrams_that_cannot_be_received_or_sent_are_lost_and_no_others() {
    for fault in [
        "recvfrom,recvmmsg:error=ENOBUFS:when=1..30",
        "recvfrom,recvmmsg:error=ENOMEM:when=1..30",
        "recvfrom,recvmmsg:error=EINTR:when=1..30",
        "sendto,sendmmsg:error=ENOBUFS:when=1..5",
        "sendto,sendmmsg:error=EAGAIN:when=1..5",
        "sendto,sendmmsg:error=EPERM:when=1..5",
        "sendto,sendmmsg:error=EHOSTUNREACH:when=1..5",
    ] {
        let (daemon, trace) = traced(&[fault]);
        answers(&daemon);
        let call = if fault.starts_with("send") { "send" } else { "recv" };
        assert!(failed(trace.path(), call).len() >= 5, "{fault}");
        for _ in 0..20 {
            answers(&daemon);
        }
        // It is killed: whatever tells a thread of SIGTERM may be a call that fails, too.
        drop(daemon);
    }
}

#[test]
fn without_a_descriptor_for_the_upstream_a_question_fails_and_the_zone_is_answered() {
    let daemon = Daemon::start(&SMALL, &[]);
    daemon.wait_ready();
    answers(&daemon);
    let limit = |limit: &str| {
        let set =
            Command::new("prlimit").arg(format!("--pid={}", daemon.pid)).arg(format!("--nofile={limit}:")).status();
        assert!(set.expect("prlimit is there: util-linux").success());
    };
    limit("3");
    for number in 0..20 {
        let reply = daemon.ask(&format!("n{number}.example.com"));
        assert_eq!(reply.status, "SERVFAIL", "{reply:?}");
        answers(&daemon);
    }
    // It waits in the queue, and UDP goes on.
    let waiting = TcpStream::connect(daemon.dns).expect("room in the queue");
    answers(&daemon);
    limit("1024");
    assert_eq!(daemon.ask("+tcp web.ecs.internal").status, "NOERROR");
    drop(waiting);
    daemon.wait_metric("ecs_resolver_dns_tcp_connections", 0.0);
}

#[test]
fn a_disk_without_room_is_tried_now_and_then_and_answers_go_on() {
    let (fake, folder) = (FakeAws::start(), tempfile::tempdir().expect("a folder"));
    fake.world().service("prod", "web").fargate_tasks(2);
    let (trace, file) = (folder.path().join("trace"), folder.path().join("inventory"));
    let arguments = [
        &["run", "--config", "/dev/null", "--cluster", "prod", "--fallback", "off", "--upstream", "127.0.0.1:9"][..],
        &["--poll-interval", "500ms", "--snapshot", file.to_str().expect("UTF-8")],
    ];
    let url = fake.endpoint_url();
    let begun = Instant::now();
    let daemon = Daemon::start_traced(&arguments.concat(), &environment(&url), &trace, &["fsync:error=ENOSPC:when=1+"]);
    daemon.wait_log("inventory cannot be written: No space left on device");
    answers(&daemon);
    assert!(daemon.terminate().success());
    let failed = failed(&trace, "fsync");
    // The first may be at once, the second after five seconds; and one at the end.
    let most = 2 + begun.elapsed().as_secs() / 5;
    assert!(!failed.is_empty() && failed.len() as u64 <= most, "{failed:?}");
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|one| one.file_name()).collect();
    assert_eq!(left, ["trace"], "nothing is left of what could not be written");
}
