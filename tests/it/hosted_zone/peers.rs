//! Authoritative servers of others on a zone file: nsd and knot, each on a port of 127.0.0.1, killed when dropped.
//! Debian: `apt-get install nsd knot`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

/// How long a server may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long an answer over loopback may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server.
pub struct Peer {
    child: Child,
    /// `nsd` or `knot`.
    pub name: &'static str,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Peer {
    /// nsd on this zone.
    pub fn nsd(zone: &str, text: &str) -> Self {
        Self::start("nsd", zone, text, |folder, address| {
            let configuration = format!(
                "server:\n ip-address: {}@{}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{folder}\"\n \
                 database: \"\"\n pidfile: \"{folder}/pid\"\n zonelistfile: \"{folder}/list\"\n \
                 xfrdfile: \"{folder}/xfrd\"\n xfrdir: \"{folder}\"\n server-count: 1\n rrl-ratelimit: 0\n \
                 minimal-responses: yes\nremote-control:\n control-enable: no\n\
                 zone:\n name: {zone}\n zonefile: zone\n",
                address.ip(),
                address.port(),
            );
            let mut command = Command::new(program("nsd"));
            command.args(["-d", "-c"]);
            (command, configuration)
        })
    }

    /// knot on this zone.
    pub fn knot(zone: &str, text: &str) -> Self {
        Self::start("knot", zone, text, |folder, address| {
            let configuration = format!(
                "server:\n    rundir: \"{folder}\"\n    listen: {}@{}\n    udp-workers: 1\n    tcp-workers: 1\n    \
                 background-workers: 1\ndatabase:\n    storage: \"{folder}\"\n    journal-db-max-size: 8M\n    \
                 kasp-db-max-size: 8M\n    timer-db-max-size: 8M\n    catalog-db-max-size: 8M\nzone:\n  - domain: {zone}\n    \
                 storage: \"{folder}\"\n    file: zone\n    zonefile-sync: -1\n    journal-content: none\n    \
                 semantic-checks: off\n",
                address.ip(),
                address.port(),
            );
            let mut command = Command::new(program("knotd"));
            command.arg("-c");
            (command, configuration)
        })
    }

    fn start(
        name: &'static str,
        zone: &str,
        text: &str,
        build: impl Fn(&str, SocketAddr) -> (Command, String),
    ) -> Self {
        // Between choosing a free port and the server's binding it, somebody else may take it.
        for _ in 0..3 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let at = folder.path().to_str().expect("a path in UTF-8");
            let address = free_port();
            let (mut command, configuration) = build(at, address);
            std::fs::write(folder.path().join("zone"), text).expect("the zone is written");
            let file = folder.path().join("conf");
            std::fs::write(&file, configuration).expect("the configuration is written");
            let log = std::fs::File::create(folder.path().join("log")).expect("a log");
            let more = log.try_clone().expect("a second handle");
            let child = command.arg(file).stdin(Stdio::null()).stdout(more).stderr(log).spawn();
            let child = child.unwrap_or_else(|error| panic!("apt-get install {name}: {error}"));
            let mut peer = Self { child, name, address, folder };
            if peer.comes_up(zone) {
                return peer;
            }
            eprintln!("{name} did not start: {}", peer.log());
        }
        panic!("{name} did not start three times in a row; its output is above");
    }

    fn comes_up(&mut self, zone: &str) -> bool {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if self.child.try_wait().expect("the state of a child").is_some() {
                return false;
            }
            let soa = try_ask(self.address, zone, RecordType::SOA, Duration::from_millis(100));
            if soa.is_some_and(|reply| !reply.answers.is_empty()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The reply to a question without recursion.
    pub fn ask(&self, name: &str, kind: RecordType) -> Message {
        ask(self.address, name, kind)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The reply of a server to a question without recursion, over UDP.
///
/// # Panics
/// If there is none.
pub fn ask(address: SocketAddr, name: &str, kind: RecordType) -> Message {
    let reply = try_ask(address, name, kind, PATIENCE);
    reply.unwrap_or_else(|| panic!("{address} does not answer {name} {kind}"))
}

fn try_ask(address: SocketAddr, name: &str, kind: RecordType, patience: Duration) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(address).expect("loopback");
    socket.set_read_timeout(Some(patience)).expect("a time limit");
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
    let mut edns = hickory_proto::op::Edns::new();
    edns.set_max_payload(1232);
    query.set_edns(edns);
    socket.send(&query.to_vec().expect("a query")).ok()?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(Message::from_vec(&buffer[..length]).expect("a reply that can be read"))
}

/// Debian installs them where the PATH of an ordinary user does not lead.
fn program(name: &str) -> String {
    let there = format!("/usr/sbin/{name}");
    if Path::new(&there).exists() { there } else { name.to_owned() }
}

/// A port of 127.0.0.1 that is free for UDP and TCP.
fn free_port() -> SocketAddr {
    let both = || {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let address = tcp.local_addr().ok()?;
        UdpSocket::bind(address).ok().map(|_| address)
    };
    (0..100).find_map(|_| both()).expect("a free port on 127.0.0.1")
}
