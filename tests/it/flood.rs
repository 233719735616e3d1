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
/// Clients that connect at the same time; most of the time each waits.
const CLIENTS: u64 = 64;
/// Clients that send datagrams at the same time.
const SENDERS: u64 = 2;
/// Names the packets of the long run, if they are not to be ten million.
const PACKETS: &str = "ECS_RESOLVER_FLOOD_PACKETS";
/// Growth of memory that is none, in KiB: what allocators keep, and buffers that are made when they are first used.
const FLAT: u64 = 16 << 10;
/// Packets after which the daemon has all the memory that it ever needs: caches and connections are full.
const WARM_UP: u64 = 10;

/// Growth of the open descriptors that is none.
const FEW: u64 = 16;
/// How long connections and questions may be under way when nobody sends any more.
const SETTLED: Duration = Duration::from_secs(60);

/// What became of the packets of one transport.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    sent: u64,
    replies: u64,
    /// The longest that a client took.
    took: Duration,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.replies += other.replies;
        self.took = self.took.max(other.took);
    }
}

/// What a run has seen.
struct Report {
    udp: Tally,
    tcp: Tally,
    took: Duration,
    /// Resident memory in KiB: ready, after a tenth of the packets, and at the end.
    memory: [u64; 3],
    /// Open descriptors at the same times.
    descriptors: [u64; 3],
    faults: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (how, Tally { sent, replies, took }) in [("UDP", self.udp), ("TCP", self.tcp)] {
            writeln!(
                f,
                "{sent} packets over {how}, {replies} replies; the last nine tenths took {} s",
                took.as_secs()
            )?;
        }
        writeln!(f, "{:.0} s; {} faults in the daemon", self.took.as_secs_f64(), self.faults)?;
        let [ready, warm, end] = self.memory;
        writeln!(f, "resident: {ready} KiB ready, {warm} KiB after a tenth, {end} KiB at the end")?;
        let [ready, warm, end] = self.descriptors;
        writeln!(f, "descriptors: {ready} ready, {warm} after a tenth, {end} at the end")
    }
}

/// Resident memory of the daemon in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid)).expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Its open descriptors.
fn descriptors(daemon: &Daemon) -> u64 {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.pid)).expect("the daemon runs").count() as u64
}

/// Its open descriptors when what was under way has ended: hardly more than so many, if none is left over.
fn settled(daemon: &Daemon, ready: u64) -> u64 {
    let until = Instant::now() + SETTLED;
    while descriptors(daemon) > ready + FEW && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
    descriptors(daemon)
}

/// What a client makes of its packets, and how long that takes.
fn timed(send: impl FnOnce() -> Tally) -> Tally {
    let begun = Instant::now();
    let tally = send();
    Tally { took: begun.elapsed(), ..tally }
}

fn flood(count: u64) -> Report {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/inventory-small.json");
    let upstream = nonsense::start().to_string();
    let cluster = ["run", "--config", "/dev/null", "--source", "fixture", "--fixture", fixture, "--cluster", "prod"];
    let limits = ["--cache-size", "1MiB", "--upstream", &upstream];
    // Else most of the time goes by with waiting for the budget of questions to the upstream.
    let daemon = Daemon::start(&[&cluster[..], &limits].concat(), &[("ECS_RESOLVER_FORWARD_RATE", "1000000")]);
    daemon.wait_ready();
    let (begun, seeds) = (Instant::now(), packets("packet"));
    let (mut udp, mut tcp) = (Tally::default(), Tally::default());
    let (mut memory, mut descriptors) = ([resident(&daemon); 3], [descriptors(&daemon); 3]);
    for (stage, (part, seed)) in [(count / WARM_UP, 1), (count - count / WARM_UP, 2)].into_iter().enumerate() {
        let (to, seeds, over_tcp) = (daemon.dns, &seeds, part / ONE_IN_TCP);
        std::thread::scope(|scope| {
            let stream = |client| {
                let share = over_tcp / CLIENTS;
                scope.spawn(move || timed(|| tcp::send(to, seeds, share, seed + 10 * client)))
            };
            let sender = |client| {
                let share = (part - over_tcp) / SENDERS;
                scope.spawn(move || timed(|| udp::send(to, seeds, share, seed + 10 * (CLIENTS + client))))
            };
            let (streams, senders): (Vec<_>, Vec<_>) =
                ((0..CLIENTS).map(stream).collect(), (0..SENDERS).map(sender).collect());
            senders.into_iter().for_each(|sender| udp.add(sender.join().expect("UDP goes well")));
            streams.into_iter().for_each(|stream| tcp.add(stream.join().expect("TCP goes well")));
        });
        (memory[stage + 1], descriptors[stage + 1]) = (resident(&daemon), settled(&daemon, descriptors[0]));
    }
    assert_eq!(daemon.short("web.ecs.internal"), ["10.5.32.1", "10.5.32.2"], "it is as it was");
    let faults = daemon.metric("ecs_resolver_dns_dropped_total{reason=\"fault\"}").unwrap_or_default();
    let report = Report { udp, tcp, took: begun.elapsed(), memory, descriptors, faults };
    println!("{report}");
    assert!(report.faults == 0.0, "a worker panicked:\n{}", daemon.log());
    let [ready, _, end] = report.descriptors;
    assert!(end <= ready + FEW, "descriptors are left over: {report}");
    assert!(daemon.terminate().success());
    report
}

#[test]
fn thousands_of_mutated_packets_do_no_harm() {
    let report = flood(10_000);
    assert!(report.udp.replies > 0 && report.tcp.replies > 0, "{report}");
}

#[test]
#[ignore = "takes ten minutes"]
fn ten_million_mutated_packets_do_no_harm() {
    let packets = std::env::var(PACKETS).ok().and_then(|packets| packets.parse().ok()).unwrap_or(10_000_000);
    let report = flood(packets);
    let [_, warm, end] = report.memory;
    assert!(end <= warm + FLAT, "{report}");
}
