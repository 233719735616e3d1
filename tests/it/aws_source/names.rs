//! Every kind of name, for every kind of task, out of one world.

use crate::aws_source::{follow, follow_prod, id};
use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::{Host, Scheme, TaskDefinition, World};
use crate::upstream::Upstream;

/// What the tests must know of the world.
struct Known {
    host: Host,
    twitch: String,
    goodreads: String,
    stream: String,
}

/// The seed's three applications and one of each other kind, on one host.
fn seed(world: &mut World) -> Known {
    let host = world.add_host("prod", 'a');
    let twitch = world.add_classic_load_balancer("TwitchApp", Scheme::Internal);
    let service = world.service("prod", "TwitchApp").classic_load_balancer("TwitchApp", 80);
    service.bridge_task(&host, 32768).bridge_task(&host, 32769);
    let goodreads = balanced(world, "GoodreadsApp", "instance", World::add_application_load_balancer);
    world.service("prod", "GoodreadsApp").bridge_task(&host, 32770);
    balanced(world, "PortalApp", "ip", World::add_application_load_balancer);
    world.service("prod", "PortalApp").awsvpc_tasks(2);
    let stream = balanced(world, "stream", "ip", World::add_network_load_balancer);
    world.service("prod", "stream").awsvpc_tasks(1);
    let calc = TaskDefinition::new("calc", "awsvpc").port("calc", 7070);
    world.service("prod", "calc").task_definition(calc).awsvpc_tasks(2);
    world.service("prod", "edge").host_task(&host);
    world.service("prod", "night_jobs").fargate_tasks(1);
    Known { host, twitch, goodreads, stream }
}

/// Puts a service behind a target group of its own; returns the DNS name of the load balancer.
fn balanced(
    world: &mut World,
    name: &str,
    target_type: &'static str,
    add: fn(&mut World, &str, Scheme) -> String,
) -> String {
    let balancer = add(world, name, Scheme::Internal);
    let group = world.add_target_group(name, target_type, Some(&balancer));
    world.service("prod", name).target_group(&group, 80);
    world.load_balancers[&balancer].dns_name.clone()
}

#[test]
fn all_kinds_of_names_answer() {
    let fake = FakeAws::start();
    let known = seed(&mut fake.world());
    let balancer = |name: &str, last: u8| format!("{name}. 60 IN A 10.5.10.{last}");
    let records = [balancer(&known.twitch, 101), balancer(&known.goodreads, 102), balancer(&known.stream, 103)];
    let mut records: Vec<&str> = records.iter().map(String::as_str).collect();
    records.extend(["legacy.ecs.internal. 300 IN A 10.9.9.9", "*.calc.ecs.internal. 300 IN A 10.9.9.8"]);
    let upstream = Upstream::start(&records);
    let daemon = follow(&fake, &["--cluster", "prod", "--upstream", &upstream.flag()]);
    daemon.wait_ready();
    load_balancers(&daemon, &known);
    bridge_tasks(&daemon, &fake, &known);
    own_addresses(&daemon, &fake);
    other_tasks(&daemon, &known);
    what_does_not_exist(&daemon);
}

/// A flat name is the alias of its load balancer, with what the upstream says of it in the same reply.
fn load_balancers(daemon: &Daemon, known: &Known) {
    for (service, target, last) in
        [("TwitchApp", &known.twitch, 101), ("GoodreadsApp", &known.goodreads, 102), ("stream", &known.stream, 103)]
    {
        let lower = service.to_lowercase();
        for name in [
            format!("{service}.ECS.internal"),
            format!("{lower}.prod.ecs.internal"),
            format!("{lower}.prod.lb.ecs.internal"),
        ] {
            let reply = daemon.wait_reply(&name, "chased", |reply| reply.status == "NOERROR");
            assert_eq!(reply.answer.len(), 2, "{reply:?}");
            let alias = format!("{name}. 60 IN CNAME {}.", target.to_lowercase());
            assert!(
                reply.answer.iter().any(|record| record.eq_ignore_ascii_case(&alias) && record.starts_with(&name)),
                "{reply:?}"
            );
            assert_eq!(reply.data("A"), [format!("10.5.10.{last}")]);
            assert!(reply.ttls("A").iter().all(|ttl| (1..=60).contains(ttl)), "{reply:?}");
        }
        let ipv6 = format!("AAAA {service}.ecs.internal");
        let reply = daemon.wait_reply(&ipv6, "chased", |reply| reply.status == "NOERROR");
        assert!(reply.answer.len() == 1 && !reply.data("CNAME").is_empty() && reply.has_soa(), "{reply:?}");
    }
    let reply = daemon.ask("calc.prod.lb.ecs.internal");
    assert!(reply.is_nodata() && reply.ede.as_ref().is_some_and(|ede| ede.contains("no load balancer")), "{reply:?}");
}

/// Tasks behind host ports: addresses of the host, ports by SRV.
fn bridge_tasks(daemon: &Daemon, fake: &FakeAws, known: &Known) {
    let host = known.host.private_ip.to_string();
    assert_eq!(daemon.short("twitchapp.prod.task.ecs.internal"), [host.as_str()]);
    let tasks = fake.world().tasks_of("prod", "TwitchApp");
    let expected: Vec<String> = tasks
        .iter()
        .zip([32768, 32769])
        .map(|(task, port)| format!("10 100 {port} {}.twitchapp.prod.task.ecs.internal.", id(task)))
        .collect();
    for name in ["_http._tcp.twitchapp.prod", "_80._tcp.twitchapp.prod.task", "_http._tcp.twitchapp", "_twitchapp._tcp"]
    {
        let reply = daemon.ask(&format!("SRV {name}.ecs.internal"));
        let mut data = reply.data("SRV");
        data.sort_by_key(|data| data.split(' ').nth(2).map(str::to_owned));
        assert_eq!(data, expected, "{name}");
        assert_eq!(reply.additional.len(), 2, "one address for each target: {reply:?}");
        assert!(reply.additional.iter().all(|record| record.ends_with(&format!(" IN A {host}"))), "{reply:?}");
    }
    for task in &tasks {
        assert_eq!(daemon.short(&format!("{}.task.ecs.internal", id(task))), [host.as_str()]);
    }
    let name = format!("{}.host.ecs.internal.", known.host.instance_id);
    assert_eq!(daemon.short(&name), [host.as_str()]);
    assert_eq!(daemon.short(&format!("-x {host}")), [name]);
}

/// Tasks with an interface of their own, without load balancer and behind one.
fn own_addresses(daemon: &Daemon, fake: &FakeAws) {
    for (service, flat) in [("calc", true), ("portalapp", false)] {
        let in_ecs = if flat { "calc" } else { "PortalApp" };
        let tasks = fake.world().tasks_of("prod", in_ecs);
        let address = |task: &String| fake.world().task(task).private_address().unwrap();
        let addresses: Vec<String> = tasks.iter().map(address).collect();
        let mut sorted = addresses.clone();
        sorted.sort();
        for kind in ["task", "all"] {
            let reply = daemon.ask(&format!("{service}.prod.{kind}.ecs.internal"));
            assert_eq!(reply.data("A"), sorted);
            assert_eq!(reply.ttls("A"), [5, 5]);
        }
        if flat {
            assert_eq!(daemon.short("calc.ecs.internal"), sorted);
            assert_eq!(daemon.short("CALC.svc.ecs.internal"), sorted);
        }
        for (task, address) in tasks.iter().zip(&addresses) {
            let name = format!("{}.{service}.prod.task.ecs.internal.", id(task));
            assert_eq!(daemon.short(&name), [address.as_str()]);
            assert_eq!(daemon.short(&format!("-x {address}")), [name]);
        }
    }
    let reply = daemon.ask("SRV _calc._tcp.ecs.internal");
    assert_eq!(reply.data("SRV").len(), 2, "{reply:?}");
    assert!(reply.data("SRV").iter().all(|data| data.starts_with("10 100 7070 ")), "{reply:?}");
    let reply = daemon.ask("TXT calc.prod.task.ecs.internal");
    for fact in [
        "cluster=prod",
        "service=calc",
        "taskdef=calc",
        "revision=1",
        "az=us-east-1a",
        "running=2",
        "desired=2",
        "healthy=2",
        "source=describe",
    ] {
        assert!(reply.data("TXT")[0].contains(&format!("\"{fact}\"")), "no {fact}: {reply:?}");
    }
    let reply = daemon.ask("AAAA calc.prod.task.ecs.internal");
    assert!(reply.is_nodata() && reply.authority[0].starts_with("ecs.internal. 5 IN SOA "), "{reply:?}");
}

/// Host mode and Fargate.
fn other_tasks(daemon: &Daemon, known: &Known) {
    let host = known.host.private_ip.to_string();
    assert_eq!(daemon.short("edge.ecs.internal"), [host.as_str()]);
    let reply = daemon.ask("SRV _http._tcp.edge.ecs.internal");
    assert!(reply.data("SRV").iter().all(|data| data.starts_with("10 100 8080 ")), "{reply:?}");
    assert_eq!(reply.data("SRV").len(), 1);
    let jobs = daemon.short("night_jobs.ecs.internal");
    assert!(jobs.len() == 1 && jobs[0].starts_with("10.64.0."), "{jobs:?}");
    assert_eq!(daemon.short("night-jobs.ecs.internal"), jobs, "the twin without underscore");
}

/// Negative answers, what the Route 53 side adds, and what it must not.
fn what_does_not_exist(daemon: &Daemon) {
    let reply = daemon.wait_reply("nosuch.ecs.internal", "NXDOMAIN", |reply| reply.status == "NXDOMAIN");
    assert!(reply.has_soa() && reply.authority[0].ends_with(" 5"), "{reply:?}");
    // Route 53 has it, ECS does not.
    daemon.wait_for("legacy.ecs.internal", &["10.9.9.9"]);
    assert_eq!(daemon.ask("nosuch.calc.ecs.internal").status, "NXDOMAIN", "a wildcard below a service of ours");
    assert_eq!(daemon.ask("nosuch.task.ecs.internal").status, "NXDOMAIN");
    daemon.wait_for("example.com", &["192.0.2.7"]);
    assert_eq!(daemon.short("+tcp calc.ecs.internal").len(), 2);
    assert_eq!(daemon.short("TXT dns-version.ecs.internal"), ["\"1.0.0\""]);
}

#[test]
fn more_tasks_than_a_datagram_holds_are_cut_between_records_and_whole_over_tcp() {
    let fake = FakeAws::start();
    fake.world().service("prod", "many").fargate_tasks(120);
    let daemon = follow_prod(&fake);
    for (limit, question) in [(512, "+noedns many.ecs.internal"), (1232, "+bufsize=4096 many.ecs.internal")] {
        let reply = daemon.ask(&format!("+ignore {question}"));
        assert!(reply.flags.split(' ').any(|flag| flag == "tc"), "{reply:?}");
        assert!(reply.answer.len() * 16 > limit / 2 && reply.answer.len() * 16 < limit, "{}", reply.answer.len());
        let over_tcp = daemon.ask(question);
        assert_eq!(over_tcp.answer.len(), 120, "dig comes again over TCP");
    }
    let mut seen = std::collections::BTreeSet::new();
    daemon.wait("every task in some truncated reply", || {
        seen.extend(daemon.ask("+ignore +noedns many.ecs.internal").answer);
        seen.len() == 120
    });
}
