//! SIGHUP: a good configuration is taken over, a bad one changes nothing, and both are told of.

use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::upstream::Upstream;

/// A daemon with a configuration file.
struct Host {
    folder: TempDir,
    daemon: Daemon,
}

impl Host {
    fn boot(text: &str, upstream: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let arguments = ["run", "--config", file.to_str().unwrap(), "--source", "off", "--upstream", &upstream.flag()];
        let daemon = Daemon::start(&arguments, &[]);
        Self { folder, daemon }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("c.toml")
    }

    /// Writes another configuration and has it read.
    fn reload(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
        kill(Pid::from_raw(self.daemon.pid.cast_signed()), Signal::SIGHUP).unwrap();
    }
}

const FIRST: &str = "[records]\n\"db.ecs.internal\" = \"10.0.0.1\"\n";

#[test]
fn what_can_be_changed_is_changed_and_the_rest_is_told() {
    let upstream = Upstream::start(&[]);
    let host = Host::boot(FIRST, &upstream);
    let daemon = &host.daemon;
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.1"]);
    daemon.wait_for("example.com", &["192.0.2.7"]);
    let hits = || daemon.metric("ecs_resolver_cache_hits_total").unwrap_or_default();
    let sent = || daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}").unwrap_or_default();
    let before = (hits(), sent());

    host.reload(
        "[dns]\nttl = 9\nworkers = 2\n[records]\n\"db.ecs.internal\" = \"10.0.0.2\"\n[log]\nlevel = \"info,ecs_resolver=debug\"\n",
    );
    daemon.wait_log("configuration reloaded: 3 keys changed, 1 need a restart");
    let reply = daemon.ask("db.ecs.internal");
    assert_eq!((reply.data("A"), reply.ttls("A")), (vec!["10.0.0.2"], vec![9]));
    let log = daemon.log();
    assert!(log.contains("changed: dns.ttl: 5 -> 9"), "{log}");
    assert!(log.contains("changed: log.level: info,aws_config=error -> info,ecs_resolver=debug"), "{log}");
    assert!(log.contains("takes effect at a restart: dns.workers: 1 -> 2"), "{log}");
    assert_eq!(daemon.short("example.com"), ["192.0.2.7"]);
    assert_eq!(sent(), before.1, "the cache is kept");
    daemon.wait("a hit", || hits() > before.0);
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"applied\"}", 1.0);
}

#[test]
fn a_configuration_with_faults_changes_nothing_and_all_are_told() {
    let upstream = Upstream::start(&[]);
    let host = Host::boot(FIRST, &upstream);
    let daemon = &host.daemon;
    host.reload("[dns]\nttl = -1\nnosuch = 1\n[records]\n\"db.ecs.internal\" = \"10.0.0.2\"\n");
    daemon.wait_log("the configuration was not reloaded, as it has 2 faults; the old one holds");
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"refused\"}", 1.0);
    daemon.wait_log("line 2: dns.ttl: -1 is out of range");
    daemon.wait_log("line 3: dns.nosuch: ");
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.1"]);
    std::fs::remove_file(host.file()).unwrap();
    kill(Pid::from_raw(daemon.pid.cast_signed()), Signal::SIGHUP).unwrap();
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"refused\"}", 2.0);
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.1"]);
    host.reload("[records]\n\"db.ecs.internal\" = \"10.0.0.3\"\n");
    daemon.wait_for("db.ecs.internal", &["10.0.0.3"]);
}
