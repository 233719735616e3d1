//! The demo, asked with `dig` as its own greeting says.

mod sizes;

use std::collections::BTreeSet;

use crate::daemon::{self, Daemon, Reply};

const TWITCH: &str = "internal-twitchapp-1234567890.us-east-1.elb.amazonaws.com.";

fn demo() -> Daemon {
    let demo = Daemon::start(&["demo", "--no-churn"], &[]);
    demo.wait_ready();
    demo
}

#[test]
fn the_seeds_names_answer_without_aws() {
    let demo = demo();
    let reply = demo.ask("TwitchApp.ECS.internal");
    assert_eq!((reply.status.as_str(), reply.data("CNAME")), ("NOERROR", vec![TWITCH]));
    assert_eq!(reply.ttls("CNAME"), [60]);
    assert_eq!(reply.data("A").len(), 2, "the addresses that the alias leads to come along: {reply:?}");
    assert_eq!(demo.short("TwitchApp.ECS.internal"), demo.short("twitchapp.ecs.internal"));
    let printed = demo.dig("TwitchApp.ECS.internal");
    for line in [";TwitchApp.ECS.internal.\t", "\nTwitchApp.ECS.internal.\t60\tIN\tCNAME"] {
        assert!(printed.contains(line), "the case that was asked is echoed: {printed}");
    }
    assert_eq!(demo.short("CNAME twitchapp.prod.lb.ecs.internal"), [TWITCH]);
    assert_eq!(demo.short("-x 10.5.10.17"), ["i-0a1b2c3d4e5f60001.host.ecs.internal."]);
    assert!(demo.terminate().success());
}

#[test]
fn tasks_have_names_of_their_own() {
    let demo = demo();
    let reply = demo.ask("twitchapp.prod.task.ecs.internal");
    assert_eq!(reply.data("A"), ["10.5.10.17", "10.5.10.18"], "hosts, as it runs in bridge mode");
    assert_eq!(reply.ttls("A"), [5, 5]);
    assert!(reply.flags.contains("aa"), "{reply:?}");
    let web = ["10.5.32.10", "10.5.32.11", "10.5.32.12"];
    for name in ["web", "web.prod", "web.svc", "web.prod.svc", "web.task", "web.prod.task", "web.all", "web.prod.all"] {
        assert_eq!(demo.short(&format!("{name}.ecs.internal")), web, "{name}");
        assert_eq!(demo.short(&format!("+tcp {name}.ecs.internal")), web, "{name} over TCP");
    }
    assert_eq!(demo.short("AAAA ipv6.ecs.internal").len(), 2);
    assert_eq!(demo.short("my_worker.ecs.internal"), demo.short("my-worker.ecs.internal"));
    assert_eq!(demo.short("i-0a1b2c3d4e5f60003.host.ecs.internal"), ["10.5.11.21"]);
    let task = demo.short("-x 10.5.32.10").remove(0);
    assert!(task.ends_with(".web.prod.task.ecs.internal."), "{task}");
    assert_eq!(demo.short(&task), ["10.5.32.10"]);
    let id = task.split('.').next().unwrap();
    assert_eq!(demo.short(&format!("{id}.task.ecs.internal")), ["10.5.32.10"]);
}

/// Ports and addresses of an SRV answer, the address taken from the glue.
fn endpoints(reply: &Reply) -> BTreeSet<(u16, String)> {
    let endpoint = |data: &str| {
        let fields: Vec<&str> = data.split(' ').collect();
        let glue = reply.additional.iter().find(|record| record.starts_with(fields[3]));
        assert_eq!(fields[..2], ["10", "100"], "priority and weight");
        (fields[2].parse().unwrap(), glue.expect("glue").rsplit(' ').next().unwrap().to_owned())
    };
    reply.data("SRV").into_iter().map(endpoint).collect()
}

#[test]
fn ports_are_found_by_name_and_by_number() {
    let demo = demo();
    let of = |owner: &str| endpoints(&demo.ask(&format!("SRV {owner}.ecs.internal")));
    let known = |list: &[(u16, &str)]| list.iter().map(|(port, host)| (*port, (*host).to_owned())).collect();
    let twitch: BTreeSet<_> = known(&[(8080, "10.5.10.17"), (8080, "10.5.10.18")]);
    assert_eq!(of("_8080._tcp.twitchapp.prod"), twitch, "a fixed port of the host");
    let calc: BTreeSet<_> = known(&[(7070, "10.5.32.8"), (7070, "10.5.32.9")]);
    for owner in ["_calc._tcp", "_calc._tcp.calc.prod", "_7070._tcp.calc", "_calc._tcp.calc.prod.task"] {
        assert_eq!(of(owner), calc, "{owner}");
    }
    assert_eq!(of("_metrics._tcp.calc").first().map(|(port, _)| *port), Some(9100));
    assert_eq!(of("calc.prod.task").len(), 4, "two tasks with two ports each");
    assert_eq!(of("_http._tcp.web.prod").len(), 3);
    assert_eq!(of("_rtp._udp.stream.prod").first().map(|(port, _)| *port), Some(5004));
    let jobs = of("_jobs._tcp.jobs.prod");
    assert!(jobs.len() == 2 && jobs.iter().all(|(port, _)| *port >= 32_768), "the ports of the hosts: {jobs:?}");
    let hosts: Vec<_> = jobs.into_iter().map(|(_, host)| host).collect();
    assert_eq!(hosts, ["10.5.10.17", "10.5.10.18"]);
}

#[test]
fn facts_are_told_in_txt() {
    let demo = demo();
    let txt = demo.short("TXT twitchapp.prod.task.ecs.internal").remove(0);
    for fact in ["cluster=prod", "service=TwitchApp", "taskdef=twitchapp", "revision=3", "running=2", "desired=2"] {
        assert!(txt.contains(&format!("\"{fact}\"")), "{txt}");
    }
    let fact = |key: &str| txt.split('"').find_map(|fact| fact.strip_prefix(key)).unwrap_or_default();
    assert_eq!((fact("az="), fact("healthy="), fact("source=")), ("us-east-1a,us-east-1b", "2", "demo"));
    assert!(fact("since=").parse::<jiff::Timestamp>().is_ok(), "{txt}");
    assert_eq!(demo.short("TXT dns-version.ecs.internal"), ["\"1.0.0\""]);
}

#[test]
fn no_is_said_as_the_rules_want_it() {
    let demo = demo();
    for (question, status, ede) in [
        ("nosuch.ecs.internal", "NXDOMAIN", None),
        ("api.ecs.internal", "NXDOMAIN", None),
        ("nosuch.web.prod.ecs.internal", "NXDOMAIN", None),
        ("AAAA twitchapp.prod.task.ecs.internal", "NOERROR", None),
        ("prod.ecs.internal", "NOERROR", None),
        ("empty.ecs.internal", "NOERROR", Some("0 (Other): (the service has no tasks)")),
        ("web.lb.ecs.internal", "NOERROR", Some("0 (Other): (the service has no load balancer)")),
    ] {
        let reply = demo.ask(question);
        assert_eq!((reply.status.as_str(), reply.ede.as_deref()), (status, ede), "{question}");
        assert!(reply.answer.is_empty() && reply.has_soa(), "{question}: {reply:?}");
        let soa: Vec<&str> = reply.authority[0].split(' ').collect();
        assert_eq!((soa[0], soa[1], *soa.last().unwrap()), ("ecs.internal.", "5", "5"), "{question}: TTL and minimum");
    }
    assert_eq!(demo.short("api.staging.ecs.internal").len(), 2, "other clusters have full names only");
    assert!(demo.dig("AXFR ecs.internal").contains("; Transfer failed."));
    let refused = demo.ask("+norecurse example.com");
    assert_eq!((refused.status.as_str(), refused.answer.len()), ("REFUSED", 0), "{refused:?}");
    assert_eq!(demo.ask("ANY web.ecs.internal").data("HINFO"), ["\"RFC8482\" \"\""]);
}

#[test]
fn what_it_dumps_can_be_served_again() {
    let demo = demo();
    let http = demo.http.to_string();
    let dump = daemon::command(&["dump", "--json", "--http", &http]).output().unwrap();
    assert!(dump.status.success());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &dump.stdout).unwrap();
    let fixture = file.path().to_str().unwrap();
    let again = Daemon::start(
        &["run", "--source", "fixture", "--fixture", fixture, "--cluster", "prod", "--cluster", "staging"],
        &[("ECS_RESOLVER_ROUTE53_FALLBACK", "off"), ("ECS_RESOLVER_FORWARD_UPSTREAMS", "127.0.0.1:9")],
    );
    again.wait_ready();
    for question in ["web.ecs.internal", "SRV _calc._tcp.ecs.internal", "-x 10.5.32.10", "CNAME twitchapp.ecs.internal"]
    {
        let wanted = demo.short(question);
        assert!(!wanted.is_empty());
        assert_eq!(again.short(question), wanted, "{question}");
    }
}

/// What the demo has said of the stories that it tells.
fn told(demo: &Daemon) -> Vec<String> {
    let log = demo.log();
    let begin = ["deploying ", "scaling ", "a task of ", "draining ", "i-0a"];
    log.lines().filter(|line| begin.iter().any(|begin| line.starts_with(begin))).map(str::to_owned).collect()
}

#[test]
fn time_passes_and_the_same_seed_tells_the_same_story() {
    let start = |seed| Daemon::start(&["demo", "--seed", seed], &[]);
    let (one, other) = (start("7"), start("7"));
    one.wait_ready();
    let serial = one.short("SOA ecs.internal");
    one.wait("a story", || !told(&one).is_empty());
    one.wait("the serial changes", || one.short("SOA ecs.internal") != serial);
    other.wait("a story", || !told(&other).is_empty());
    assert_eq!(told(&one)[0], told(&other)[0]);
}
