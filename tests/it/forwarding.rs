//! Names that are not ours: a real DNS server as upstream, our cache in front of it.

mod authoritative;
pub mod encrypted;
mod local;
mod scripted;

use crate::daemon::{Daemon, Reply, command};
use crate::upstream::Upstream;

/// Queries that went to the upstream, by transport.
fn asked(demo: &Daemon, proto: &str) -> f64 {
    demo.metric(&format!("ecs_resolver_forward_requests_total{{proto=\"{proto}\"}}")).unwrap()
}

/// Not so if a busy upstream was too slow.
fn is_forwarded(reply: &Reply) -> bool {
    reply.status != "SERVFAIL"
}

/// The metric of whether the only upstream is up.
fn up(demo: &Daemon) -> String {
    let (_, page) = demo.get("/metrics");
    let line = page.lines().find(|line| line.starts_with("ecs_resolver_forward_upstream_up{")).expect("the metric");
    line.split(' ').next().unwrap().to_owned()
}

fn demo(upstream: &Upstream) -> Daemon {
    let demo = Daemon::start(&["demo", "--no-churn", "--upstream", &upstream.flag()], &[]);
    demo.wait_ready();
    demo
}

#[test]
fn answers_are_cached_and_their_ttls_count_down() {
    let upstream = Upstream::start(&["mail.example.com. 300 IN MX 10 mx.example.com."]);
    let demo = demo(&upstream);
    let first = demo.wait_reply("example.com", "forwarded", is_forwarded);
    assert_eq!((first.status.as_str(), first.data("A")), ("NOERROR", vec!["192.0.2.7"]));
    assert!(!first.flags.contains("aa") && first.flags.contains("ra"), "{first:?}");
    let once = asked(&demo, "udp");
    assert!(demo.ask("eXample.COM").answer[0].starts_with("eXample.COM. "), "the case of each client is its own");
    demo.wait("the TTL counts down", || demo.ask("example.com").ttls("A")[0] < first.ttls("A")[0]);
    assert_eq!(asked(&demo, "udp"), once, "all from the cache");
    demo.wait_for("MX mail.example.com", &["10 mx.example.com."]);
    assert!(demo.metric("ecs_resolver_cache_hits_total") >= Some(2.0));
}

#[test]
fn no_is_cached_as_well() {
    let upstream = Upstream::start(&["nosuch.ecs.internal. 60 IN A 192.0.2.99"]);
    let demo = demo(&upstream);
    for question in ["nosuch.example.com", "AAAA example.com"] {
        let first = demo.wait_reply(question, "forwarded", is_forwarded);
        assert!(first.answer.is_empty() && first.has_soa(), "{question}: {first:?}");
        let once = asked(&demo, "udp");
        let second = demo.ask(question);
        assert_eq!((second.status.as_str(), asked(&demo, "udp")), (first.status.as_str(), once), "{question}");
        let ttl = |reply: &Reply| reply.authority[0].split(' ').nth(1).unwrap().parse::<u32>().unwrap();
        assert!(ttl(&first) <= 30 && ttl(&second) <= ttl(&first), "negative answers are kept 30 seconds at most");
    }
    assert_eq!(demo.ask("nosuch.example.com").status, "NXDOMAIN");
    assert_eq!(demo.ask("nosuch.ecs.internal").status, "NXDOMAIN", "the demo does not ask others about its zone");
}

#[test]
fn a_large_answer_comes_by_tcp() {
    let text: Vec<String> = (0..12).map(|n| format!("\"{n:02}{}\"", "x".repeat(200))).collect();
    let upstream = Upstream::start(&[&format!("large.example.com. 300 IN TXT {}", text.join(" "))]);
    let demo = demo(&upstream);
    let cut = demo.wait_reply("+ignore TXT large.example.com", "forwarded", is_forwarded);
    assert!(cut.flags.contains("tc") && cut.answer.is_empty(), "{cut:?}");
    let once = asked(&demo, "tcp");
    assert!(once >= 1.0, "the upstream said TC as well");
    assert_eq!(demo.ask("TXT large.example.com").data("TXT"), [text.join(" ")], "dig asks us again over TCP");
    assert_eq!(asked(&demo, "tcp"), once, "this time it was cached");
}

#[test]
fn when_the_upstream_dies_what_is_cached_is_left() {
    let upstream = Upstream::start(&["other.example.com. 300 IN A 192.0.2.8", "short.example.com. 1 IN A 192.0.2.9"]);
    let demo = demo(&upstream);
    demo.wait_reply("example.com", "forwarded", is_forwarded);
    let short = demo.wait_reply("short.example.com", "forwarded", is_forwarded);
    assert_eq!(short.data("A"), ["192.0.2.9"]);
    drop(upstream);
    assert_eq!(demo.ask("example.com").data("A"), ["192.0.2.7"]);
    let lost = demo.ask("other.example.com");
    assert!(lost.is_servfail("22 (No Reachable Authority)"), "{lost:?}");
    assert!(demo.metric("ecs_resolver_forward_failures_total{reason=\"failed\"}") >= Some(1.0));
    assert_eq!(demo.short("web.ecs.internal").len(), 3, "our own names need nobody");
    let stale = demo.wait_reply("short.example.com", "stale", |reply| reply.ttls("A") == [30]);
    assert_eq!((stale.data("A"), stale.status.as_str()), (vec!["192.0.2.9"], "NOERROR"));
    assert!(stale.ede.as_ref().is_some_and(|ede| ede.starts_with("3 (Stale Answer)")), "{stale:?}");
    for name in ["one.example.com", "two.example.com"] {
        assert_eq!(demo.ask(name).status, "SERVFAIL");
    }
    demo.wait("it is known to be down", || demo.metric(&up(&demo)) == Some(0.0));
    assert_eq!(demo.ask("short.example.com").ttls("A"), [30]);
    assert!(demo.metric("ecs_resolver_cache_stale_total") >= Some(2.0));
}

#[test]
fn the_cache_is_shown_and_flushed_from_the_command_line() {
    let upstream = Upstream::start(&["a.zone.example.com. 300 IN A 192.0.2.8"]);
    let demo = demo(&upstream);
    for name in ["example.com", "a.zone.example.com", "nosuch.zone.example.com"] {
        demo.ask(name);
    }
    let run = |arguments: &[&str]| {
        let address = demo.http.to_string();
        let output = command(&[&["cache"], arguments, &["--http", &address]].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = run(&["dump"]);
    for line in ["; a.zone.example.com. A: NOERROR, ", "; nosuch.zone.example.com. A: NXDOMAIN, ", "; example.com. A: "]
    {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains(" IN A 192.0.2.8\n"), "{shown}");
    assert_eq!(run(&["flush", "--zone", "zone.example.com"]), "2 answers forgotten\n");
    assert_eq!(run(&["flush", "EXAMPLE.com"]), "1 answer forgotten\n");
    assert_eq!(run(&["flush", "--all"]), "0 answers forgotten\n");
    let once = asked(&demo, "udp");
    assert_eq!(demo.ask("example.com").data("A"), ["192.0.2.7"]);
    assert_eq!(asked(&demo, "udp"), once + 1.0);
}

#[test]
fn questions_that_come_together_from_one_socket_are_both_answered() {
    let upstream = Upstream::start(&["example.com. 300 IN AAAA 2001:db8::7"]);
    let demo = demo(&upstream);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(demo.dns).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    for (id, kind) in [(1, 1u8), (2, 28)] {
        let mut query = vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend_from_slice(b"\x07example\x03com\x00\x00");
        query.extend_from_slice(&[kind, 0, 1]);
        socket.send(&query).unwrap();
    }
    let mut ids: Vec<u8> = (0..2)
        .map(|_| {
            let mut reply = [0; 512];
            let length = socket.recv(&mut reply).unwrap();
            assert_eq!((reply[3] & 0x0f, reply[7]), (0, 1), "{:?}", &reply[..length]);
            reply[1]
        })
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
}
