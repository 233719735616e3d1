//! The hot part of the cache outlives the process, by option: the daemon starts anew, the upstream is dead, and what was
//! asked for is answered.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::upstream::Upstream;

/// A host whose resolver keeps its cache.
struct Host {
    folder: TempDir,
}

impl Host {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state.cache")
    }

    fn boot(&self, upstream: &str, flags: &[&str]) -> Daemon {
        let state = self.folder.path().join("state");
        let fixed = ["run", "--config", "/dev/null", "--source", "off", "--upstream", upstream, "--snapshot"];
        let fixed = [&fixed[..], &[state.to_str().unwrap(), "--snapshot-cache", "1MiB"], flags].concat();
        Daemon::start(&fixed, &[])
    }
}

fn loads(daemon: &Daemon, result: &str) -> Option<f64> {
    daemon.metric(&format!("ecs_resolver_snapshot_loads_total{{file=\"cache\",result=\"{result}\"}}"))
}

/// Files in the folder of `file`: nothing half-written stays.
fn files(file: &Path) -> usize {
    std::fs::read_dir(file.parent().unwrap()).unwrap().count()
}

#[test]
fn what_was_asked_for_is_answered_after_a_restart_without_an_upstream() {
    let host = Host::new();
    let upstream = Upstream::start(&["www.example.org. 3600 IN A 192.0.2.9"]);
    let at = upstream.flag();
    let daemon = host.boot(&at, &[]);
    assert_eq!(loads(&daemon, "absent"), Some(1.0));
    daemon.wait_for("www.example.org", &["192.0.2.9"]);
    daemon.wait_status("nosuch.example.org", "NXDOMAIN");
    assert!(daemon.terminate().success());
    assert_eq!(files(&host.file()), 1);
    drop(upstream);
    // Whole seconds count.
    std::thread::sleep(std::time::Duration::from_millis(1100));

    let daemon = host.boot(&at, &[]);
    assert_eq!(loads(&daemon, "loaded"), Some(1.0));
    let reply = daemon.ask("www.example.org");
    assert_eq!((reply.data("A"), reply.ede.as_deref()), (vec!["192.0.2.9"], None));
    assert!(reply.ttls("A")[0] < 3600, "its life has gone on meanwhile");
    let sent = daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}").unwrap_or_default();
    assert_eq!(sent, 0.0, "nobody was asked");
    daemon.wait_log("forwarded answers of before the start are known again");
    assert_eq!(daemon.ask("other.example.org").status, "SERVFAIL");
    // Nothing new was kept, so nothing new is saved: the file of before goes on to hold.
    assert!(daemon.terminate().success());
    let daemon = host.boot(&at, &["--rebind-protection", "true"]);
    assert_eq!(loads(&daemon, "foreign"), Some(1.0));
    daemon.wait_log("state.cache is not used: forward.rebind_protection is another now");
    assert_eq!(daemon.ask("www.example.org").status, "SERVFAIL");
    drop(daemon);
    let daemon = host.boot("127.0.0.1:9", &[]);
    assert_eq!(loads(&daemon, "foreign"), Some(1.0));
    daemon.wait_log("and now 127.0.0.1:9 are asked");
}

#[test]
fn a_file_that_is_not_whole_is_refused_and_replaced() {
    let host = Host::new();
    let upstream = Upstream::start(&[]);
    let daemon = host.boot(&upstream.flag(), &[]);
    daemon.wait_for("example.com", &["192.0.2.7"]);
    assert!(daemon.terminate().success());
    let whole = std::fs::read(host.file()).unwrap();
    for (content, result, reason) in [
        (whole[..whole.len() - 9].to_vec(), "torn", "it was cut off"),
        ([&whole[..whole.len() - 9], &[0; 9]].concat(), "damaged", "its checksum does not fit"),
        (String::from_utf8_lossy(&whole).replacen("cache 1", "cache 9", 1).into_bytes(), "newer", "has format 9"),
        (b"something else".to_vec(), "strange", "does not begin as a file of ours"),
    ] {
        std::fs::write(host.file(), content).unwrap();
        let daemon = host.boot(&upstream.flag(), &[]);
        assert_eq!(loads(&daemon, result), Some(1.0), "{}", daemon.log());
        daemon.wait_log(reason);
    }
    let daemon = host.boot(&upstream.flag(), &[]);
    daemon.wait_for("example.com", &["192.0.2.7"]);
    assert!(daemon.terminate().success());
    let daemon = host.boot(&upstream.flag(), &[]);
    assert_eq!(loads(&daemon, "loaded"), Some(1.0));
}
