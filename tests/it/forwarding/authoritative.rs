//! nsd as upstream, which only serves what it has: another program's idea of the protocol. Debian: `apt-get install nsd`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::daemon::Daemon;
use crate::loopback;

/// A running nsd; ended when dropped.
struct Nsd {
    child: Child,
    address: std::net::SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nsd {
    /// Serves these records of `example.org.`, lines of a master file.
    fn start(records: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (at, address) = (folder.path().display(), std::net::SocketAddr::from((loopback::address(), 5300)));
        let zone = format!(
            "example.org. 300 IN SOA ns.example.org. h.example.org. 1 7200 900 1209600 20\n\
                            example.org. 300 IN NS ns.example.org.\nns.example.org. 300 IN A 192.0.2.1\n{records}\n"
        );
        std::fs::write(folder.path().join("zone"), zone).unwrap();
        let configuration = format!(
            "server:\n ip-address: {ip}@{port}\n port: {port}\n username: \"\"\n zonesdir: \"{at}\"\n database: \"\"\n \
             pidfile: \"{at}/pid\"\n xfrdfile: \"{at}/xfrd\"\n xfrdir: \"{at}\"\n zonelistfile: \"{at}/list\"\n \
             hide-version: yes\nremote-control:\n control-enable: no\nzone:\n name: example.org\n zonefile: \"{at}/zone\"\n",
            ip = address.ip(),
            port = address.port(),
        );
        std::fs::write(folder.path().join("nsd.conf"), configuration).unwrap();
        let program = if Path::new("/usr/sbin/nsd").exists() { "/usr/sbin/nsd" } else { "nsd" };
        let child = Command::new(program)
            .args(["-d", "-c"])
            .arg(folder.path().join("nsd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nsd is installed: apt-get install nsd");
        Self { child, address, _folder: folder }
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // Its children end when it is told to, and not when it is killed.
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id() as i32),
            nix::sys::signal::Signal::SIGTERM,
        );
        let _ = self.child.wait();
    }
}

#[test]
fn what_nsd_serves_is_passed_on() {
    let text = "x".repeat(250);
    let large: Vec<String> = (0..240).map(|n| format!("large.example.org. 300 IN TXT \"{n:03}{text}\"")).collect();
    let nsd = Nsd::start(&format!(
        "www.example.org. 60 IN CNAME web.example.org.\nweb.example.org. 60 IN A 192.0.2.5\n\
         web.example.org. 60 IN HTTPS 1 . alpn=h2\nweb.example.org. 60 IN TYPE65280 \\# 4 C00C0102\n{}",
        large.join("\n")
    ));
    let daemon = Daemon::start(
        &["run", "--source", "off", "--zone", "elsewhere.test", "--upstream", &nsd.address.to_string()],
        &[],
    );
    let first = daemon.wait_reply("www.example.org", "answered", |reply| reply.status == "NOERROR");
    assert_eq!(first.data("CNAME"), ["web.example.org."]);
    assert_eq!(first.data("A"), ["192.0.2.5"]);
    assert!(!first.flags.contains("aa"), "we are no authority for it: {first:?}");
    assert_eq!(daemon.short("HTTPS web.example.org"), ["1 . alpn=\"h2\""]);
    assert_eq!(daemon.short("TYPE65280 web.example.org"), ["\\# 4 C00C0102"]);
    let missing = daemon.ask("nosuch.example.org");
    assert!(missing.status == "NXDOMAIN" && missing.has_soa(), "{missing:?}");
    // More than 60 kB, which only TCP carries.
    assert_eq!(daemon.short("+tcp TXT large.example.org").len(), 240);
    let cut = daemon.ask("+ignore TXT large.example.org");
    assert!(cut.flags.contains("tc") && !cut.answer.is_empty(), "{:?}", cut.flags);
}
