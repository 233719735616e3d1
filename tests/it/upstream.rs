//! The VPC resolver of the tests: a real unbound that serves two zones of its own, asks nobody, and is killed when
//! dropped. Debian: `apt-get install unbound`.

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use crate::loopback;

/// How long unbound may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Below the ports that the kernel chooses.
const PORT: u16 = 5300;

/// The private hosted zone.
const HOSTED: &str = "ecs.internal.";

/// A running unbound on an address of its own, UDP and TCP.
#[derive(Debug)]
pub struct Upstream {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Upstream {
    /// Starts it with these records, as lines of a master file with full names. Those below `ecs.internal.` make up
    /// the private hosted zone, all others the internet. `example.com.` is always there: 192.0.2.7.
    ///
    /// # Panics
    /// If unbound is not installed or does not start.
    pub fn start(records: &[&str]) -> Self {
        Self::start_with(records, "")
    }

    /// [`Self::start`] with further lines of `server:`.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(records: &[&str], lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder for unbound");
        let address = SocketAddr::from((loopback::address(), PORT));
        write_zones(folder.path(), records);
        let file = folder.path().join("unbound.conf");
        std::fs::write(&file, configuration(folder.path(), address, lines))
            .expect("unbound's configuration is written");
        let log = std::fs::File::create(folder.path().join("log")).expect("unbound's log is created");
        let child = Command::new(program())
            .args(["-d", "-c"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unbound is installed: apt-get install unbound");
        let mut upstream = Self { child, address, folder };
        let deadline = Instant::now() + START;
        while !upstream.answers() {
            let ended = upstream.child.try_wait().expect("the state of a child");
            assert!(ended.is_none(), "unbound ended, {ended:?}: {}", upstream.log());
            assert!(
                Instant::now() < deadline,
                "unbound does not answer on {address} after {START:?}: {}",
                upstream.log()
            );
        }
        upstream
    }

    /// The value of `--upstream`.
    pub fn flag(&self) -> String {
        self.address.to_string()
    }

    fn answers(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
        let mut query = Message::new(1, MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(Name::from_ascii("example.com.").expect("a name"), RecordType::A));
        let sent = socket.send_to(&query.to_vec().expect("a query"), self.address);
        let received = sent.and_then(|_| socket.recv(&mut [0; 512]));
        if received.is_err() {
            // A refused port answers at once: do not spin.
            std::thread::sleep(Duration::from_millis(10));
        }
        received.is_ok()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian installs it where the PATH of an ordinary user does not lead.
fn program() -> &'static str {
    if Path::new("/usr/sbin/unbound").exists() { "/usr/sbin/unbound" } else { "unbound" }
}

/// Answers only from the zone files: with a root zone of its own, it has nobody to ask.
fn configuration(folder: &Path, address: SocketAddr, lines: &str) -> String {
    let mut text = format!(
        "server:\n interface: {ip}@{port}\n port: {port}\n access-control: 127.0.0.0/8 allow\n do-daemonize: no\n \
         so-reuseport: no\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n directory: \"{folder}\"\n \
         module-config: \"iterator\"\n do-ip6: no\n{lines}\nremote-control:\n control-enable: no\n",
        ip = address.ip(),
        port = address.port(),
        folder = folder.display(),
    );
    for (zone, file) in [(".", "root.zone"), (HOSTED, "hosted.zone")] {
        let _ = write!(
            text,
            "auth-zone:\n name: \"{zone}\"\n zonefile: \"{file}\"\n for-downstream: no\n for-upstream: yes\n \
             fallback-enabled: no\n",
        );
    }
    text
}

fn write_zones(folder: &Path, records: &[&str]) {
    let head = |zone: &str| {
        format!(
            "{zone} 900 IN SOA ns.example. hostmaster.example. 1 7200 900 1209600 300\n{zone} 900 IN NS ns.example.\n"
        )
    };
    let (mut root, mut hosted) = (head("."), head(HOSTED));
    root.push_str("ns.example. 900 IN A 127.0.0.1\nexample.com. 300 IN A 192.0.2.7\n");
    for record in records {
        let name = record.split_whitespace().next().expect("a record has a name");
        let zone = if name.ends_with(&format!(".{HOSTED}")) { &mut hosted } else { &mut root };
        let _ = writeln!(zone, "{record}");
    }
    std::fs::write(folder.join("root.zone"), root).expect("the root zone is written");
    std::fs::write(folder.join("hosted.zone"), hosted).expect("the hosted zone is written");
}
