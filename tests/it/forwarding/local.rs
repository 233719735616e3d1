//! Names that are answered without asking anybody, and names that go to servers of their own.

use std::io::Write as _;

use crate::daemon::Daemon;
use crate::upstream::Upstream;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn special_blocked_and_listed_names_are_answered_here() {
    let hosts = file("10.9.0.1 nas.lan nas\n");
    let config = file(&format!(
        "[dns]\nzone = \"elsewhere.test\"\n[ecs]\nsource = \"off\"\n[forward]\nupstreams = \"127.0.0.9\"\n\
         hosts = {:?}\nblock = [\"ads.example\"]\n",
        hosts.path()
    ));
    let daemon = Daemon::start(&["run", "--config", config.path().to_str().unwrap()], &[]);
    assert_eq!(daemon.short("db.localhost"), ["127.0.0.1"]);
    assert_eq!(daemon.short("-x 127.0.0.1"), ["localhost."]);
    assert_eq!(daemon.short("nas.lan"), ["10.9.0.1"]);
    assert_eq!(daemon.short("-x 10.9.0.1"), ["nas.lan."]);
    for name in ["x.invalid", "abc.onion", "printer.home.arpa"] {
        let reply = daemon.ask(name);
        assert!(reply.status == "NXDOMAIN" && reply.has_soa(), "{name}: {reply:?}");
    }
    let blocked = daemon.ask("x.ads.example");
    assert_eq!(blocked.status, "NXDOMAIN");
    assert!(blocked.ede.as_ref().is_some_and(|ede| ede.starts_with("15 (Blocked)")), "{blocked:?}");
    assert_eq!(daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}"), Some(0.0), "nobody was asked");
}

#[test]
fn records_outside_of_the_zone_are_answered_here() {
    let upstream = Upstream::start(&["www.corp.example. 300 IN A 192.0.2.20", "db.corp.example. 300 IN A 192.0.2.21"]);
    let hosts = file("10.9.0.1 db.corp.example nas.corp.example\n");
    let config = file(&format!(
        "[dns]\nzone = \"elsewhere.test\"\n[ecs]\nsource = \"off\"\n[route53]\nfallback = \"off\"\n\
         [forward]\nupstreams = \"{}\"\nhosts = {:?}\nblock = [\"ads.example\"]\n\
         [records]\n\"db.corp.example\" = [\"10.1.2.3\", \"60 TXT \\\"a b\\\" c\"]\n\
         \"7.2.1.10.in-addr.arpa\" = \"PTR db.corp.example.\"\n\"ok.ads.example\" = \"10.1.2.4\"\n\
         \"here.corp.example\" = \"CNAME db.corp.example.\"\n\"there.corp.example\" = \"CNAME www.corp.example.\"\n\
         \"home.corp.example\" = \"CNAME app.elsewhere.test.\"\n\"app.elsewhere.test\" = \"CNAME here.corp.example.\"\n",
        upstream.flag(),
        hosts.path()
    ));
    let daemon = Daemon::start(&["run", "--config", config.path().to_str().unwrap()], &[]);
    let db = daemon.ask("db.corp.example");
    assert_eq!((db.data("A"), db.ttls("A")), (vec!["10.1.2.3"], vec![5]));
    assert_eq!(daemon.short("TXT db.corp.example"), ["\"a b\" \"c\""]);
    let other = daemon.ask("AAAA db.corp.example");
    assert!(other.status == "NOERROR" && other.answer.is_empty() && other.has_soa(), "{other:?}");
    assert_eq!(daemon.short("-x 10.1.2.7"), ["db.corp.example."]);
    assert_eq!(daemon.short("nas.corp.example"), ["10.9.0.1"], "the hosts file is not lost");
    assert_eq!(daemon.short("ok.ads.example"), ["10.1.2.4"]);
    assert_eq!(daemon.ask("x.ads.example").status, "NXDOMAIN");
    assert_eq!(daemon.short("CNAME there.corp.example"), ["www.corp.example."]);
    assert_eq!(daemon.short("here.corp.example"), ["10.1.2.3", "db.corp.example."]);
    let chain = ["10.1.2.3", "app.elsewhere.test.", "db.corp.example.", "here.corp.example."];
    assert_eq!(daemon.short("home.corp.example"), chain);
    assert_eq!(daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}"), Some(0.0), "nobody was asked");
    daemon.wait_for("there.corp.example", &["192.0.2.20", "www.corp.example."]);
    assert_eq!(daemon.ask("x.db.corp.example").status, "NXDOMAIN", "the upstream says so");
}

#[test]
fn a_domain_has_servers_of_its_own() {
    let general = Upstream::start(&[]);
    let special =
        Upstream::start(&["www.corp.example. 300 IN A 192.0.2.20", "1.2.3.9.in-addr.arpa. 300 IN PTR a.corp.example."]);
    let config = file(&format!(
        "[dns]\nzone = \"elsewhere.test\"\n[ecs]\nsource = \"off\"\n[forward]\nupstreams = \"{}\"\n\
         [forward.\"corp.example\"]\nupstreams = \"{s}\"\n[forward.\"9.in-addr.arpa\"]\nupstreams = \"{s}\"\n",
        general.flag(),
        s = special.flag()
    ));
    let daemon = Daemon::start(&["run", "--config", config.path().to_str().unwrap()], &[]);
    assert_eq!(daemon.short("www.corp.example"), ["192.0.2.20"]);
    assert_eq!(daemon.short("-x 9.3.2.1"), ["a.corp.example."]);
    assert_eq!(daemon.short("example.com"), ["192.0.2.7"]);
    assert_eq!(daemon.ask("nosuch.corp.example").status, "NXDOMAIN");
    drop(special);
    let lost = daemon.ask("other.corp.example");
    assert_eq!(lost.status, "SERVFAIL", "the others do not know its names: {lost:?}");
}
