//! Clients that take and never give: the daemon under a crowd of them.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::daemon::Daemon;

const CONNECTIONS: &str = "ecs_resolver_dns_tcp_connections";
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
const TOO_SLOW: &str = "ecs_resolver_dns_dropped_total{reason=\"slow\"}";
const SENT_AWAY: &str = "ecs_resolver_dns_dropped_total{reason=\"connection\"}";

/// Each side needs a file descriptor per connection, and the default is 1,024.
fn raise_descriptors() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert!(hard >= 4096, "`ulimit -Hn` is {hard}, and this test needs some thousands");
}

fn connect_from(ip: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    // So many ports are taken that a test beside us could want one of them for all addresses.
    socket.set_reuse_address(true).unwrap();
    socket.into()
}

fn answers(daemon: &Daemon) {
    for how in ["+notcp", "+tcp"] {
        assert_eq!(daemon.ask(&format!("{how} web.ecs.internal")).status, "NOERROR", "{how}: {}", daemon.log());
    }
}

#[test]
fn a_thousand_idle_and_a_thousand_slow_clients_keep_nobody_out() {
    raise_descriptors();
    let daemon = Daemon::start(&SMALL, &[("ECS_RESOLVER_LIMITS_TCP_IDLE", "1h")]);
    daemon.wait_ready();
    let mut crowd = Vec::new();
    for number in 0..2000u32 {
        let mut stream = connect_from([127, 0, 0, if number % 4 == 0 { 2 } else { 1 }], daemon.dns);
        if number % 2 == 0 {
            // The beginning of a question, whose end never comes; its sender may have been sent away already.
            let _ = stream.write_all(&[0, 40, 1]);
        }
        crowd.push(stream);
        if number % 400 == 0 {
            answers(&daemon);
        }
    }
    let gone = || daemon.metric(SENT_AWAY).unwrap_or(0.0) + daemon.metric(TOO_SLOW).unwrap_or(0.0);
    daemon.wait("all but 1,024 have been sent away", || gone() >= 976.0);
    for _ in 0..10 {
        answers(&daemon);
    }
    drop(crowd);
    daemon.wait_metric(CONNECTIONS, 0.0);
    answers(&daemon);
}

/// Half of the file descriptors are for TCP, the limit of the configuration notwithstanding; the others keep UDP,
/// upstreams and HTTP going.
#[test]
fn few_file_descriptors_make_few_connections() {
    let daemon = Daemon::start_with_descriptors(&SMALL, 128);
    daemon.wait_ready();
    daemon.wait_log("of 128 file descriptors TCP connections may have only 64");
    let crowd: Vec<_> = (0..200).map(|_| connect_from([127, 0, 0, 1], daemon.dns)).collect();
    daemon.wait("they are let in", || daemon.metric(SENT_AWAY).is_some_and(|count| count >= 136.0));
    answers(&daemon);
    assert!(daemon.metric(CONNECTIONS).unwrap() <= 64.0);
    drop(crowd);
}

/// What is beyond the limit has no name; what came before it has.
#[test]
fn an_inventory_beyond_its_limit_is_told_and_served_as_far_as_it_goes() {
    let fixture = big_inventory(400, 3);
    let arguments = ["run", "--source", "fixture", "--fixture", fixture.path().to_str().unwrap(), "--cluster", "prod"];
    let daemon = Daemon::start(&arguments, &[("ECS_RESOLVER_LIMITS_INVENTORY", "1000")]);
    daemon.wait_log("raise limits.inventory");
    daemon.wait_metric("ecs_resolver_inventory_changes_total{outcome=\"refused\"}", 600.0);
    let held = |kind: &str| daemon.metric(&format!("ecs_resolver_inventory_resources{{kind=\"{kind}\"}}")).unwrap();
    daemon.wait("the others are served", || held("service") + held("task") == 1000.0);
    let warning = "warning: the inventory holds 1000 services, tasks and container instances";
    daemon.wait("/ready tells", || daemon.get("/ready").1.contains(warning));
}

/// An inventory of as many services, each with as many tasks, as the demo makes it up.
fn big_inventory(services: u32, tasks: u32) -> tempfile::NamedTempFile {
    let (services, tasks) = (services.to_string(), tasks.to_string());
    let demo = Daemon::start(&["demo", "--services", &services, "--tasks", &tasks, "--no-churn"], &[]);
    demo.wait_ready();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(demo.get("/inventory").1.as_bytes()).unwrap();
    file
}
