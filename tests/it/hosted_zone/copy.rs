//! A copy of the zone: what it says by itself, what it asks others about, and how it lives through failures.

use std::io::Write as _;

use super::{NOBODY, copy_of, start};
use crate::fake_aws::hosting::{Alias, Content, RecordSet};
use crate::fake_aws::{Bucket, FakeAws, Fault, Op};
use crate::upstream::Upstream;

fn weighted(name: &str, kind: &str, id: &str, weight: u8, value: &str) -> RecordSet {
    let mut set = RecordSet::simple(name, kind, 60, &[value]);
    set.set_identifier = Some(id.to_owned());
    set.policy = vec![("Weight", weight.to_string())];
    set
}

fn policy(mut set: RecordSet, id: &str, policy: &[(&'static str, &str)]) -> RecordSet {
    set.set_identifier = Some(id.to_owned());
    set.policy = policy.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    set
}

fn alias(name: &str, zone: &str, target: &str) -> RecordSet {
    let mut set = RecordSet::simple(name, "A", 0, &[]);
    set.content = Content::Alias(Alias { zone: zone.to_owned(), name: target.to_owned(), evaluates_health: true });
    set
}

#[test]
fn records_wildcards_chains_and_aliases_are_answered() {
    let upstream = Upstream::start(&["lb.example.com. 60 IN A 192.0.2.9", "lb.example.com. 60 IN A 192.0.2.10"]);
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "db.ecs.internal", "A", 60, &["10.9.0.1", "10.9.0.2"]);
        hosting.put(&id, "*.wild.ecs.internal", "TXT", 30, &["\"any\""]);
        hosting.put(&id, "one.ecs.internal", "CNAME", 20, &["two.ecs.internal"]);
        hosting.put(&id, "two.ecs.internal", "CNAME", 20, &["db.ecs.internal."]);
        hosting.put(&id, "out.ecs.internal", "CNAME", 20, &["lb.example.com"]);
        hosting.put(&id, "sub.ecs.internal", "NS", 20, &["ns.example.com."]);
        let sets = &mut hosting.zone(&id).sets;
        sets.push(alias("same.ecs.internal", &id, "db.ecs.internal."));
        sets.push(alias("flat.ecs.internal", "Z35SXDOTRQ7X7K", "lb.example.com."));
        sets.push(alias("gone.ecs.internal", &id, "nosuch.ecs.internal."));
    }
    let daemon = copy_of(&fake, &upstream.flag());
    let ask = |question: &str| daemon.ask(question);
    assert_eq!(ask("db.ecs.internal").data("A"), ["10.9.0.1", "10.9.0.2"]);
    assert_eq!(ask("TXT x.y.wild.ecs.internal").answer, ["x.y.wild.ecs.internal. 30 IN TXT \"any\""]);
    assert!(ask("A x.wild.ecs.internal").is_nodata() && ask("A wild.ecs.internal").is_nodata());
    let chain = ask("one.ecs.internal");
    assert_eq!(
        chain.answer,
        [
            "db.ecs.internal. 60 IN A 10.9.0.1",
            "db.ecs.internal. 60 IN A 10.9.0.2",
            "one.ecs.internal. 20 IN CNAME two.ecs.internal.",
            "two.ecs.internal. 20 IN CNAME db.ecs.internal.",
        ]
    );
    assert!(chain.flags.contains("aa"), "{chain:?}");
    assert_eq!(ask("out.ecs.internal").data("A"), ["192.0.2.10", "192.0.2.9"]);
    assert_eq!(ask("out.ecs.internal").data("CNAME"), ["lb.example.com."]);
    assert_eq!(ask("same.ecs.internal").data("A"), ["10.9.0.1", "10.9.0.2"]);
    let flat = ask("flat.ecs.internal");
    assert_eq!((flat.data("A"), flat.data("CNAME")), (vec!["192.0.2.10", "192.0.2.9"], vec![]), "{flat:?}");
    assert!(flat.answer[0].starts_with("flat.ecs.internal. ") && flat.ttls("A")[0] <= 60);
    assert!(ask("AAAA flat.ecs.internal").is_nodata(), "an alias says its own type only");
    assert!(ask("gone.ecs.internal").is_nodata());
    let nosuch = ask("nosuch.ecs.internal");
    assert!(nosuch.status == "NXDOMAIN" && nosuch.has_soa(), "{nosuch:?}");
    assert_eq!(ask("x.sub.ecs.internal").status, "NXDOMAIN", "delegated: the upstream is asked, and says so");
    assert!(daemon.metric("ecs_resolver_dns_answers_total{source=\"route53\"}") >= Some(9.0));
    assert!(daemon.metric("ecs_resolver_source_age_seconds{source=\"route53\"}").is_some());
    let (_, dump) = daemon.get("/zone");
    for line in [
        "db.ecs.internal. 60 IN A 10.9.0.1",
        "*.wild.ecs.internal. 30 IN TXT \"any\"",
        "; flat.ecs.internal. says what lb.example.com. does",
        "; sub.ecs.internal. is delegated: the upstream is asked",
    ] {
        assert!(dump.lines().any(|have| have == line), "{line} in\n{dump}");
    }
}

#[test]
fn what_is_delegated_is_forwarded_like_any_other_name() {
    let upstream = Upstream::start(&["www.sub.ecs.internal. 60 IN A 192.0.2.20"]);
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "sub.ecs.internal", "NS", 20, &["ns.example.com."]);
        for label in ["www", "nas", "ads", "own"] {
            let target = format!("{label}.sub.ecs.internal");
            hosting.put(&id, &format!("to-{label}.ecs.internal"), "CNAME", 20, &[&target]);
        }
    }
    let mut hosts = tempfile::NamedTempFile::new().unwrap();
    hosts.write_all(b"10.9.0.1 nas.sub.ecs.internal\n").unwrap();
    let configuration = format!(
        "[forward]\nhosts = {:?}\nblock = [\"ads.sub.ecs.internal\"]\n\
         [records]\n\"own.sub.ecs.internal\" = \"10.9.0.2\"\n\"mine.ecs.internal\" = \"CNAME to-nas.ecs.internal.\"\n",
        hosts.path()
    );
    let flags = ["--source", "off", "--fallback", "api", "--upstream", &upstream.flag()];
    let (daemon, _folder) = start(&fake, &configuration, &flags);
    daemon.wait_ready();
    let alias = |label: &str| format!("to-{label}.ecs.internal. 20 IN CNAME {label}.sub.ecs.internal.");
    for (label, ttl, address) in [("nas", 60, "10.9.0.1"), ("own", 5, "10.9.0.2")] {
        let record = format!("{label}.sub.ecs.internal. {ttl} IN A {address}");
        assert_eq!(daemon.ask(&format!("{label}.sub.ecs.internal")).answer, [record.as_str()]);
        assert_eq!(daemon.ask(&format!("to-{label}.ecs.internal")).answer, [record, alias(label)]);
    }
    assert_eq!(
        daemon.ask("mine.ecs.internal").data("CNAME"),
        ["nas.sub.ecs.internal.", "to-nas.ecs.internal."],
        "through all that have a say in the zone"
    );
    for (name, answer) in [("ads.sub.ecs.internal", vec![]), ("to-ads.ecs.internal", vec![alias("ads")])] {
        let blocked = daemon.ask(name);
        assert_eq!((blocked.status.as_str(), &blocked.answer), ("NXDOMAIN", &answer), "{blocked:?}");
        assert!(blocked.ede.as_ref().is_some_and(|ede| ede.starts_with("15 (Blocked)")), "{blocked:?}");
    }
    assert_eq!(daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}"), Some(0.0), "nobody was asked");
    daemon.wait_for("to-www.ecs.internal", &["192.0.2.20", "www.sub.ecs.internal."]);
}

#[test]
fn a_policy_is_followed_where_it_needs_neither_health_nor_place() {
    let upstream =
        Upstream::start(&["health.ecs.internal. 60 IN A 192.0.2.50", "near.ecs.internal. 60 IN A 192.0.2.51"]);
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        let sets = &mut hosting.zone(&id).sets;
        for (at, weight) in [(1, 0), (2, 10), (3, 30)] {
            sets.push(weighted("w.ecs.internal", "A", &format!("w{at}"), weight, &format!("10.9.1.{at}")));
        }
        for at in 0..12 {
            let set = RecordSet::simple("multi.ecs.internal", "A", 30, &[&format!("10.9.2.{at}")]);
            sets.push(policy(set, &format!("m{at}"), &[("MultiValueAnswer", "true")]));
        }
        let set = |name: &str, value: &str| RecordSet::simple(name, "A", 60, &[value]);
        sets.push(policy(set("health.ecs.internal", "10.9.3.1"), "a", &[("Weight", "1"), ("HealthCheckId", "h")]));
        sets.push(policy(set("near.ecs.internal", "10.9.3.2"), "a", &[("Region", "us-east-1")]));
        sets.push(policy(set("unseen.ecs.internal", "10.9.3.3"), "a", &[("Region", "us-east-1")]));
    }
    let daemon = copy_of(&fake, &upstream.flag());
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..80 {
        let reply = daemon.ask("w.ecs.internal");
        assert_eq!(reply.answer.len(), 1, "{reply:?}");
        *seen.entry(reply.data("A")[0].to_owned()).or_default() += 1;
    }
    let (two, three) = (seen.get("10.9.1.2").copied().unwrap_or(0), seen.get("10.9.1.3").copied().unwrap_or(0));
    assert!(two >= 10 && three > two && two + three == 80, "{seen:?}");
    let multi: std::collections::BTreeSet<String> = (0..12).flat_map(|_| daemon.short("multi.ecs.internal")).collect();
    assert_eq!(daemon.ask("multi.ecs.internal").answer.len(), 8);
    assert_eq!(multi.len(), 12, "all have their turn");
    assert_eq!(daemon.ask("health.ecs.internal").data("A"), ["192.0.2.50"]);
    assert_eq!(daemon.ask("near.ecs.internal").data("A"), ["192.0.2.51"]);
    assert!(daemon.ask("AAAA near.ecs.internal").is_nodata());
    let unseen = daemon.ask("unseen.ecs.internal");
    assert!(unseen.is_servfail("0"), "the upstream denies what the zone has: {unseen:?}");
}

#[test]
fn unsound_records_are_left_out_and_named_once() {
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "bad.ecs.internal", "A", 60, &["10.9.0.1", "10.9.0"]);
        hosting.put(&id, "both.ecs.internal", "A", 60, &["10.9.0.2"]);
        hosting.put(&id, "both.ecs.internal", "CNAME", 60, &["x.example.com"]);
    }
    let daemon = copy_of(&fake, NOBODY);
    assert_eq!(daemon.short("bad.ecs.internal"), ["10.9.0.1"]);
    assert_eq!(daemon.short("both.ecs.internal"), ["10.9.0.2"]);
    let log = daemon.log();
    for line in [
        "bad.ecs.internal. A: `10.9.0` is not an IPv4 address",
        "both.ecs.internal. CNAME: a CNAME cannot stand beside other records",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line} in\n{log}");
    }
}

#[test]
fn a_start_under_throttling_is_only_slow_and_a_broken_read_deletes_nothing() {
    let fake = FakeAws::start();
    let id = {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "db.ecs.internal", "A", 60, &["10.9.0.1"]);
        id
    };
    fake.world().service("prod", "web").fargate_tasks(1);
    fake.knobs().fail(Op::ListHostedZonesByName, Fault::Throttled);
    let flags = ["--cluster", "prod", "--fallback", "api", "--zone-poll-interval", "10s", "--upstream", NOBODY];
    let (daemon, _folder) = start(&fake, "[ecs]\npoll_interval = \"500ms\"\n", &flags);
    daemon.wait("ECS is served", || daemon.short("web.ecs.internal").len() == 1);
    daemon.wait("throttling is reported", || {
        daemon.get("/ready").1.contains("route53:ListHostedZonesByName is throttled")
    });
    assert_eq!(daemon.get("/ready").0, 503);
    assert!(daemon.ask("db.ecs.internal").is_servfail("14 (Not Ready)"), "it may be there: never NXDOMAIN");
    fake.knobs().heal(Op::ListHostedZonesByName);
    daemon.wait_ready();
    assert_eq!(daemon.short("db.ecs.internal"), ["10.9.0.1"]);
    // The second of two pages fails, and the zone behind it has changed.
    fake.hosting().put(&id, "new.ecs.internal", "A", 60, &["10.9.0.2"]);
    fake.knobs().set_page_size(Op::ListResourceRecordSets, 3);
    fake.knobs().fail(Op::ListResourceRecordSets, Fault::AccessDenied);
    daemon.wait("the failure is reported", || {
        daemon.get("/ready").1.contains("add route53:ListResourceRecordSets to the role")
    });
    assert_eq!(daemon.get("/ready").0, 200);
    assert_eq!(daemon.short("db.ecs.internal"), ["10.9.0.1"]);
    fake.knobs().heal(Op::ListResourceRecordSets);
    daemon.wait_for("new.ecs.internal", &["10.9.0.2"]);
    fake.hosting().zone(&id).sets.retain(|set| !set.name.starts_with("db."));
    daemon.wait("the deletion is seen", || daemon.ask("db.ecs.internal").status == "NXDOMAIN");
}

#[test]
fn a_zone_that_is_not_the_one_is_refused_by_its_id() {
    let fake = FakeAws::start();
    let (one, two) = {
        let mut hosting = fake.hosting();
        (hosting.add_zone("ecs.internal"), hosting.add_zone("ecs.internal"))
    };
    let (daemon, _folder) = start(&fake, "", &["--source", "off", "--fallback", "api", "--upstream", NOBODY]);
    daemon.wait("both are named", || {
        daemon.get("/ready").1.contains(&format!("{one} and {two} are all private hosted zones"))
    });
    let other = fake.hosting().add_zone("example.internal");
    let flags = ["--source", "off", "--fallback", "api", "--upstream", NOBODY, "--zone-id", other.as_str()];
    let (daemon, _folder) = start(&fake, "", &flags);
    daemon.wait("both names are told", || {
        daemon
            .get("/ready")
            .1
            .contains(&format!("hosted zone {other} is example.internal. and dns.zone is ecs.internal."))
    });
    fake.hosting().zone(&one).private = false;
    let flags = ["--source", "off", "--fallback", "api", "--upstream", NOBODY, "--zone-id", one.as_str()];
    let (daemon, _folder) = start(&fake, "", &flags);
    daemon.wait("it is public", || {
        daemon.get("/ready").1.contains(&format!("hosted zone {one} (ecs.internal.) is public"))
    });
    let flags = ["--source", "off", "--fallback", "api", "--upstream", NOBODY, "--zone-id", "Z9NOSUCH"];
    let (daemon, _folder) = start(&fake, "", &flags);
    daemon.wait("there is none", || daemon.get("/ready").1.contains("route53:GetHostedZone found nothing"));
}

#[test]
fn ten_thousand_records_are_read_within_the_budget_of_the_account() {
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        for at in 0..10_000 {
            hosting.put(
                &id,
                &format!("n{at:05}.ecs.internal"),
                "A",
                60,
                &[&format!("10.{}.{}.{}", at >> 16, at >> 8 & 255, at & 255)],
            );
        }
    }
    let (burst, rate) = Bucket::Route53.aws_rate();
    fake.knobs().throttle(Bucket::Route53, burst, rate);
    let daemon = copy_of(&fake, NOBODY);
    assert_eq!(fake.count(Op::ListResourceRecordSets), 34, "10,002 record sets, 300 a page");
    assert!(fake.calls().iter().all(|call| call.error.is_none()), "never over the limit");
    for at in [0, 299, 300, 4999, 9999] {
        assert_eq!(daemon.short(&format!("n{at:05}.ecs.internal")).len(), 1, "{at}");
    }
    assert_eq!(daemon.ask("n10000.ecs.internal").status, "NXDOMAIN");
}
