//! What it costs to be killed, restarted and upgraded at 5,000 queries a second, in figures.
//!
//! On a release build (`ECS_RESOLVER_TEST_BINARY`), started by hand:
//!
//!     cargo test --all-features --test it restart::figures -- --ignored --nocapture

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};

use hickory_proto::rr::RecordType;
use nix::sys::signal::Signal;

use super::connections::{self, Connections};
use super::load::{self, Load};
use super::supervisor::Supervisor;
use super::{RATE, address, configuration, supervisor};

/// How often each is done.
const TIMES: usize = 10;
/// Queries between two times: two seconds of them, so that all three kinds take a minute.
const BETWEEN: usize = 2 * RATE;
/// Clients of each address that ask over TCP, one connection after the other.
const CONNECTIONS: usize = 4;

/// What is done to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// SIGKILL, and another process.
    Kill,
    /// SIGTERM, and another process.
    Restart,
    /// Another file in the place of the program, SIGTERM, and another process.
    Upgrade,
}

impl Blow {
    /// Falls, and says how many queries had no answer at that instant: over UDP, and over TCP.
    fn fall(self, supervisor: &mut Supervisor, load: &Load, streams: &[Connections]) -> [usize; 2] {
        let signal = if self == Self::Kill { Signal::SIGKILL } else { Signal::SIGTERM };
        if self == Self::Upgrade {
            supervisor.upgrade();
        }
        let mut over_tcp = 0;
        let over_udp = load.at_an_instant(|| {
            supervisor.signal(signal);
            over_tcp = streams.iter().filter(|stream| stream.is_under_way()).count();
        });
        assert_eq!(supervisor.end(), if self == Self::Kill { -9 } else { 0 }, "{}", supervisor.log());
        [over_udp, over_tcp]
    }
}

#[test]
#[ignore = "takes a minute and a half, and wants a release build and the machine for itself"]
fn ten_kills_ten_restarts_and_ten_upgrades() {
    let (_folder, file) = configuration();
    let four = address();
    // There is one such address only: a port that nobody has.
    let six = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).expect("IPv6");
    let servers = [four, six];
    let mut supervisor = supervisor(&[], &file);
    let arguments = format!("--listen {four} --listen {six} --workers 2");
    supervisor.start(&arguments);
    for blow in [Blow::Kill, Blow::Restart, Blow::Upgrade] {
        let load = Load::start(&servers, RATE);
        let streams: Vec<Connections> = servers.into_iter().flat_map(connections).collect();
        load.go_on(BETWEEN);
        let mut under_way = [0; 2];
        for _ in 0..TIMES {
            let now = blow.fall(&mut supervisor, &load, &streams);
            under_way = [under_way[0] + now[0], under_way[1] + now[1]];
            supervisor.start(&arguments);
            load.go_on(BETWEEN);
        }
        let tcp = streams.into_iter().map(Connections::finish).fold(connections::Tally::default(), |sum, one| {
            connections::Tally { asked: sum.asked + one.asked, again: sum.again + one.again }
        });
        let udp = load.finish();
        println!("{blow:?}, {TIMES} times: over UDP {udp}; {} had no answer at the instants", under_way[0]);
        println!("    over TCP {} questions, {} asked again; {} had no answer", tcp.asked, tcp.again, under_way[1]);
        assert!(udp.wrong.is_empty(), "wrong: {udp}\n{}", supervisor.log());
        let allowed = if blow == Blow::Kill { under_way[0] } else { 0 };
        assert!(udp.lost <= allowed, "{blow:?}: {udp}\n{}", supervisor.log());
    }
}

/// Clients of one address.
fn connections(server: SocketAddr) -> Vec<Connections> {
    let query = load::query("db.ecs.internal.", RecordType::A);
    (0..CONNECTIONS).map(|_| Connections::start(server, query.clone())).collect()
}
