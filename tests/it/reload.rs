//! SIGHUP: a good configuration is taken over, a bad one changes nothing, and both are told of.

use std::io::Read;
use std::net::TcpStream;
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
        Self::boot_with(text, &["--upstream", &upstream.flag()])
    }

    fn boot_with(text: &str, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let arguments = ["run", "--config", file.to_str().unwrap(), "--source", "off"];
        let daemon = Daemon::start(&[&arguments, flags].concat(), &[]);
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
    daemon.wait_log("configuration reloaded: 3 keys changed, 1 to change at a restart");
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
    let warning = format!(
        "the configuration was not reloaded, as it has 2 faults, and the next start would refuse it: {}: line 2: dns.ttl: \
         -1 is out of range",
        host.file().display()
    );
    daemon.wait("a warning", || daemon.get("/ready").1.contains(&format!("warning: {warning}")));
    let (status, json) = daemon.get("/ready?format=json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &json["ready"]), (200, &true.into()), "it goes on as before");
    assert!(json["warnings"][0].as_str().unwrap().starts_with(&warning), "{json}");
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.1"]);
    std::fs::remove_file(host.file()).unwrap();
    kill(Pid::from_raw(daemon.pid.cast_signed()), Signal::SIGHUP).unwrap();
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"refused\"}", 2.0);
    daemon.wait("the new reason", || daemon.get("/ready").1.contains("cannot be read"));
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.1"]);
    host.reload("[records]\n\"db.ecs.internal\" = \"10.0.0.3\"\n");
    daemon.wait_for("db.ecs.internal", &["10.0.0.3"]);
    daemon.wait("no warning", || daemon.get("/ready") == (200, "OK\n".to_owned()));
}

#[test]
fn other_upstreams_are_asked_at_once_and_what_they_make_wrong_is_forgotten() {
    let first = Upstream::start(&["www.corp.example. 3600 IN A 192.0.2.1", "www.example.org. 3600 IN A 192.0.2.3"]);
    let second = Upstream::start(&["www.corp.example. 3600 IN A 192.0.2.2"]);
    let to = |upstream: &Upstream| format!("upstreams = \"{}\"\n", upstream.flag());
    let host = Host::boot_with(&format!("[forward]\n{}", to(&first)), &[]);
    let daemon = &host.daemon;
    daemon.wait_for("www.corp.example", &["192.0.2.1"]);
    daemon.wait_for("www.example.org", &["192.0.2.3"]);

    host.reload(&format!("[forward]\n{}[forward.\"corp.example\"]\n{}", to(&first), to(&second)));
    daemon.wait_log("configuration reloaded: 1 key changed, 0 to change at a restart");
    daemon.wait_log("1 forwarded answer forgotten");
    daemon.wait_log(&format!("changed: forward.corp.example: - -> {} (fastest)", second.flag()));
    daemon.wait_for("www.corp.example", &["192.0.2.2"]);
    let hits = daemon.metric("ecs_resolver_cache_hits_total").unwrap_or_default();
    assert_eq!(daemon.short("www.example.org"), ["192.0.2.3"]);
    daemon.wait("a hit", || daemon.metric("ecs_resolver_cache_hits_total").unwrap_or_default() > hits);

    // The one that was asked is gone, and the operator names another.
    drop(first);
    host.reload(&format!("[forward]\n{}", to(&second)));
    daemon.wait_log(&format!("-> {}", second.flag()));
    daemon.wait_for("www.corp.example", &["192.0.2.2"]);
    daemon.wait_status("www.example.org", "NXDOMAIN");
}

#[test]
fn names_and_blocked_domains_change_at_once() {
    let upstream = Upstream::start(&["db.ecs.internal. 60 IN A 10.1.1.1"]);
    let host = Host::boot("", &upstream);
    let daemon = &host.daemon;
    daemon.wait_for("example.com", &["192.0.2.7"]);
    daemon.wait_for("db.ecs.internal", &["10.1.1.1"]);
    let hosts = host.folder.path().join("hosts");
    std::fs::write(&hosts, "10.0.0.9 nas.lan\n").unwrap();
    let text = format!("[forward]\nblock = [\"example.com\"]\nhosts = \"{}\"\n", hosts.display());
    host.reload(&format!("{text}cache_size = \"2MiB\"\n[route53]\nfallback = \"off\"\n"));
    daemon.wait_log("changed: forward.cache_size: 16MiB -> 2MiB");
    daemon.wait_log("changed: route53.fallback: resolver -> off");
    daemon.wait_status("example.com", "NXDOMAIN");
    daemon.wait_for("nas.lan", &["10.0.0.9"]);
    assert!(daemon.short("db.ecs.internal").is_empty(), "the hosted zone is not asked any more");
    // The file is read anew, too.
    std::fs::write(&hosts, "10.0.0.10 nas.lan\n").unwrap();
    host.reload(&text);
    daemon.wait_for("nas.lan", &["10.0.0.10"]);
    daemon.wait_for("db.ecs.internal", &["10.1.1.1"]);
    std::fs::remove_file(&hosts).unwrap();
    host.reload("[dns]\nttl = 9\n[forward]\nhosts = \"/nosuch/hosts\"\n");
    daemon.wait_log("the configuration was not reloaded, as it has 1 fault; the old one holds");
    daemon.wait_log("line 4: forward.hosts: /nosuch/hosts: ");
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"refused\"}", 1.0);
    assert_eq!(daemon.short("nas.lan"), ["10.0.0.10"]);
    assert!(!daemon.log().contains("changed: dns.ttl"), "all or nothing");
}

#[test]
fn who_may_ask_changes_at_once() {
    let upstream = Upstream::start(&[]);
    let host = Host::boot("", &upstream);
    let daemon = &host.daemon;
    daemon.wait_for("example.com", &["192.0.2.7"]);
    host.reload("[access]\ndeny = [\"127.0.0.1/32\"]\n");
    daemon.wait_log("changed: access.deny: - -> 127.0.0.1/32");
    daemon.wait_log("configuration reloaded: 1 key changed, 0 to change at a restart");
    assert_eq!(daemon.ask("example.com").status, "REFUSED");
    host.reload("[access]\nallow = [\"127.0.0.0/8\"]\nown_networks = [\"127.0.0.2\"]\nrate_limit = 1\nslip = 1\n");
    daemon.wait_log("changed: access.rate_limit: 200 -> 1");
    daemon.wait_status("example.com", "NOERROR");
    // Each second one is answered, and each other one is told to come over TCP, or with its cookie.
    daemon.wait("a query over the rate", || {
        daemon.dig("+ignore +nocookie example.com");
        daemon.metric("ecs_resolver_dns_turned_away_total{how=\"truncated\"}").unwrap_or_default() > 0.0
    });
    host.reload("");
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"applied\"}", 3.0);
    assert_eq!(daemon.short("example.com"), ["192.0.2.7"]);
}

#[test]
fn limits_change_at_once() {
    let upstream = Upstream::start(&[]);
    let host = Host::boot("[limits]\ntcp_idle = \"1h\"\n", &upstream);
    let daemon = &host.daemon;
    let mut idle = TcpStream::connect(daemon.dns).unwrap();
    idle.set_nonblocking(true).unwrap();
    daemon.wait_metric("ecs_resolver_dns_tcp_connections", 1.0);
    host.reload("[limits]\ntcp_idle = \"200ms\"\n");
    daemon.wait_log("changed: limits.tcp_idle: 1h -> 200ms");
    daemon.wait_metric("ecs_resolver_dns_tcp_connections", 0.0);
    assert_eq!(idle.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn what_the_log_says_of_a_change_opens_no_door() {
    let upstream = Upstream::start(&[]);
    let host = Host::boot("", &upstream);
    let daemon = &host.daemon;
    host.reload("[events]\nqueue_url = \"https://me:hunter2@sqs.eu-west-1.amazonaws.com/123456789012/q\"\n");
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"applied\"}", 1.0);
    daemon.wait_log("takes effect at a restart: events.queue_url: - -> https://***@sqs.eu-west-1.amazonaws.com");
    host.reload("[events]\nqueue_url = \"ftp://me:hunter2@sqs\"\n");
    daemon.wait_metric("ecs_resolver_config_reloads_total{result=\"refused\"}", 1.0);
    daemon.wait_log("events.queue_url: ");
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
}
