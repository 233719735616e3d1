//! Mutated packets by the thousand, over UDP and TCP, at the whole daemon, with an upstream that talks nonsense as
//! well: no crash, no fault, nothing that is no reply to what was sent, and memory that stays.
//!
//! The long run, on a release build (`ECS_RESOLVER_TEST_BINARY`), is started by hand:
//!
//!     cargo test --all-features --test it flood:: -- --ignored --nocapture

mod nonsense;
mod tcp;
pub mod udp;

use std::fmt;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::fuzz::packets;

/// Of so many packets one goes over TCP.
const ONE_IN_TCP: u64 = 5;
/// Clients that connect at the same time.
const CLIENTS: u64 = 4;
/// Growth of memory that is none, in KiB: what allocators keep, and buffers that are made when they are first used.
const FLAT: u64 = 16 << 10;
/// Packets after which the daemon has all the memory that it ever needs: caches and connections are full.
const WARM_UP: u64 = 10;

/// What became of the packets of one transport.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    sent: u64,
    replies: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.replies += other.replies;
    }
}

/// What a run has seen.
struct Report {
    udp: Tally,
    tcp: Tally,
    took: Duration,
    /// Resident memory in KiB: ready, after a tenth of the packets, and at the end.
    memory: [u64; 3],
    faults: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} packets over UDP, {} replies", self.udp.sent, self.udp.replies)?;
        writeln!(f, "{} packets over TCP, {} replies", self.tcp.sent, self.tcp.replies)?;
        writeln!(f, "{:.0} s; {} faults in the daemon", self.took.as_secs_f64(), self.faults)?;
        let [ready, warm, end] = self.memory;
        writeln!(f, "resident: {ready} KiB ready, {warm} KiB after a tenth, {end} KiB at the end")
    }
}

/// Resident memory of the daemon in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid)).expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn flood(count: u64) -> Report {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/inventory-small.json");
    let upstream = nonsense::start().to_string();
    let cluster = ["run", "--config", "/dev/null", "--source", "fixture", "--fixture", fixture, "--cluster", "prod"];
    let limits = ["--cache-size", "1MiB", "--upstream", &upstream];
    let daemon = Daemon::start(&[&cluster[..], &limits].concat(), &[]);
    daemon.wait_ready();
    let (begun, seeds) = (Instant::now(), packets("packet"));
    let (mut udp, mut tcp) = (Tally::default(), Tally::default());
    let ready = resident(&daemon);
    let mut memory = [ready; 3];
    for (stage, (part, seed)) in [(count / WARM_UP, 1), (count - count / WARM_UP, 2)].into_iter().enumerate() {
        let over_tcp = part / ONE_IN_TCP;
        std::thread::scope(|scope| {
            let (to, seeds) = (daemon.dns, &seeds);
            let client = |client| scope.spawn(move || tcp::send(to, seeds, over_tcp / CLIENTS, seed + 10 * client));
            let streams: Vec<_> = (0..CLIENTS).map(client).collect();
            udp.add(udp::send(to, seeds, part - over_tcp, seed));
            streams.into_iter().for_each(|stream| tcp.add(stream.join().expect("TCP goes well")));
        });
        memory[stage + 1] = resident(&daemon);
    }
    assert_eq!(daemon.short("web.ecs.internal"), ["10.5.32.1", "10.5.32.2"], "it is as it was");
    let faults = daemon.metric("ecs_resolver_dns_dropped_total{reason=\"fault\"}").unwrap_or_default();
    let report = Report { udp, tcp, took: begun.elapsed(), memory, faults };
    println!("{report}");
    assert!(report.faults == 0.0, "a worker panicked:\n{}", daemon.log());
    assert!(daemon.terminate().success());
    report
}

#[test]
fn thousands_of_mutated_packets_do_no_harm() {
    let report = flood(10_000);
    assert!(report.udp.replies > 0 && report.tcp.replies > 0, "{report}");
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn ten_million_mutated_packets_do_no_harm() {
    let report = flood(10_000_000);
    let [_, warm, end] = report.memory;
    assert!(end <= warm + FLAT, "{report}");
}
