//! No query is lost over a restart, an upgrade, or kill -9: the sockets outlive the process. The tests play systemd.

mod connections;
mod figures;
pub mod load;
pub mod supervisor;

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::thread;

use hickory_proto::rr::RecordType;
use nix::sys::signal::Signal;

use crate::loopback;
use connections::Connections;
use load::{Load, Tally};
use supervisor::Supervisor;

/// Queries a second, if that fits into the receive buffers.
const RATE: usize = 5000;
/// Seconds that a restart may take on a busy machine.
const RESTART: usize = 5;

const CONFIG: &str =
    "[ecs]\nsource = \"off\"\n\n[forward]\nrate = 100000\n\n[records]\n\"db.ecs.internal\" = \"10.1.2.3\"\n";

/// An address with a port that nobody has.
fn address() -> SocketAddr {
    SocketAddr::from((loopback::address(), 5300))
}

/// Answers everything with one address.
fn upstream() -> SocketAddr {
    let socket = UdpSocket::bind(address()).unwrap();
    let at = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let query = &bytes[..length];
            let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let mut reply = query[..end].to_vec();
            (reply[2], reply[3], reply[7], reply[11]) = (0x81, 0x80, 1, 0);
            reply.extend_from_slice(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x63");
            let _ = socket.send_to(&reply, from);
        }
    });
    at
}

/// A folder with the configuration, and its file.
fn configuration() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ecs-resolver.toml");
    std::fs::write(&file, CONFIG).unwrap();
    (folder, file)
}

fn supervisor(unit: &[(&str, SocketAddr)], file: &std::path::Path) -> Supervisor {
    let upstream = upstream().to_string();
    let file = file.to_str().unwrap();
    let arguments = ["run", "--config", file, "--upstream", &upstream, "--http", "127.0.0.1:0"];
    Supervisor::new(unit, &arguments, &[])
}

/// A load that fits into the receive buffers for the time of a restart, by what the daemon says of them.
fn load(supervisor: &Supervisor, server: SocketAddr) -> Load {
    let log = supervisor.log();
    let line = log.lines().find(|line| line.contains("small queries")).expect("the daemon tells");
    let (before, _) = line.split_once(" small queries").unwrap();
    let fit: usize = before.rsplit(' ').next().unwrap().parse().unwrap();
    // The kernel spreads sixteen ports over the sockets as chance has it.
    Load::start(&[server], RATE.min(fit / 2 / RESTART).max(1))
}

/// Ends the load and says what became of it.
fn tally(load: Load, supervisor: &Supervisor) -> Tally {
    let tally = load.finish();
    println!("{tally}");
    assert!(tally.wrong.is_empty(), "wrong: {tally}\n{}", supervisor.log());
    tally
}

#[test]
fn kill_9_loses_no_more_than_was_under_way() {
    let (_folder, file) = configuration();
    let server = address();
    let unit = [("udp", server), ("udp", server), ("udp", server), ("udp", server), ("tcp", server)];
    let mut supervisor = supervisor(&unit, &file);
    let arguments = format!("--listen {server} --workers 2");
    supervisor.start(&arguments);
    assert!(supervisor.stored().is_empty(), "those of the socket unit are systemd's already");
    let load = load(&supervisor, server);
    load.go_on(2000);
    let mut under_way = 0;
    for _ in 0..3 {
        under_way += load.at_an_instant(|| supervisor.signal(Signal::SIGKILL));
        assert_eq!(supervisor.end(), -9);
        supervisor.start(&arguments);
        load.go_on(1000);
    }
    let tally = tally(load, &supervisor);
    assert!(tally.lost <= under_way, "{under_way} were under way, of {tally}\n{}", supervisor.log());
}

#[test]
fn restart_and_upgrade_lose_nothing() {
    let (_folder, file) = configuration();
    let server = address();
    let mut supervisor = supervisor(&[], &file);
    supervisor.start(&format!("--listen {server} --workers 4"));
    let name = server.to_string().replace(':', "_");
    let stored = [(format!("tcp-{name}"), 1), (format!("udp-{name}"), 4)];
    assert_eq!(supervisor.stored(), stored.clone().into());
    let load = load(&supervisor, server);
    let connections = Connections::start(server, load::query("db.ecs.internal.", RecordType::A));
    load.go_on(1000);
    for (upgrade, workers) in [(false, 4), (true, 4), (false, 2), (true, 8)] {
        if upgrade {
            supervisor.upgrade();
        }
        supervisor.stop();
        supervisor.start(&format!("--listen {server} --workers {workers}"));
        load.go_on(1000);
    }
    let told = format!("{server} has fewer sockets than there are workers");
    assert!(supervisor.log().contains(&told), "nobody tells that 4 sockets stay 4:\n{}", supervisor.log());
    println!("{:?} over connections", connections.finish());
    let tally = tally(load, &supervisor);
    assert_eq!(tally.lost, 0, "{tally}\n{}", supervisor.log());
    assert_eq!(supervisor.stored(), stored.into(), "whatever the number of workers");
}

#[test]
fn systemd_forgets_the_sockets_of_an_address_that_is_not_configured_any_more() {
    let (_folder, file) = configuration();
    let (stays, goes) = (address(), address());
    let mut supervisor = supervisor(&[], &file);
    supervisor.start(&format!("--listen {stays} --listen {goes}"));
    assert_eq!(supervisor.stored().len(), 4);
    supervisor.stop();
    assert!(TcpStream::connect(goes).is_ok(), "systemd holds it");
    supervisor.start(&format!("--listen {stays}"));
    let name = stays.to_string().replace(':', "_");
    assert_eq!(supervisor.stored(), [(format!("tcp-{name}"), 1), (format!("udp-{name}"), 1)].into());
    supervisor.stop();
    assert!(TcpStream::connect(goes).is_err());
    assert!(TcpStream::connect(stays).is_ok());
}

#[test]
fn all_addresses_take_the_place_of_one_that_is_stored() {
    let (_folder, file) = configuration();
    // A port of its own: everybody else's tests are on some address of it, too.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut supervisor = supervisor(&[], &file);
    supervisor.start(&format!("--listen 127.0.0.1:{port}"));
    supervisor.stop();
    supervisor.start(&format!("--listen 0.0.0.0:{port}"));
    let stored: Vec<String> = supervisor.stored().into_keys().collect();
    assert_eq!(stored, [format!("tcp-0.0.0.0_{port}"), format!("udp-0.0.0.0_{port}")]);
}

#[test]
fn the_watchdog_hears_of_our_own_queries() {
    let (_folder, file) = configuration();
    let server = address();
    let upstream = upstream().to_string();
    let arguments = ["run", "--config", file.to_str().unwrap(), "--upstream", &upstream, "--http", "127.0.0.1:0"];
    let mut supervisor = Supervisor::new(&[], &arguments, &[("WATCHDOG_USEC", "4000000")]);
    supervisor.start(&format!("--listen {server} --workers 2"));
    while supervisor.heard().get("WATCHDOG=1").is_none_or(|times| *times < 2) {
        thread::sleep(std::time::Duration::from_millis(100));
    }
}
