//! What single record sets come to. How names are found is compared with plain lists in `zone/tests`, and with other
//! servers in `tests/it/hosted_zone`.

use super::said::RecordNode;
use super::*;
use crate::dns::presentation::Escapes;
use crate::dns::{Body, DomainName, RecordType};
use crate::route53::{AliasTarget, Content, Routing};

fn name(text: &str) -> DomainName {
    DomainName::from_text(&format!("{text}.ecs.internal")).unwrap()
}

fn set(owner: &str, kind: RecordType, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet {
        name: name(owner),
        kind,
        content: Content::Values { ttl: 60, values },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

fn a(owner: &str, value: &str) -> RecordSet {
    set(owner, RecordType::A, &[value])
}

fn alias(owner: &str, zone: &str, target: &str, evaluates_health: bool) -> RecordSet {
    let target = DomainName::from_text(target).unwrap();
    let target = AliasTarget { zone: HostedZoneId::new(zone), name: target, evaluates_health };
    RecordSet { content: Content::Alias(target), ..a(owner, "") }
}

fn routed(set: RecordSet, routing: Routing) -> RecordSet {
    RecordSet { routing, set_identifier: Some("i".to_owned()), ..set }
}

fn compiled(sets: &[RecordSet]) -> (RecordIndex, Vec<String>) {
    let origin = DomainName::from_text("ecs.internal").unwrap();
    let (index, skipped) = compile(&origin, Some(&HostedZoneId::new("Z1")), sets, Escapes::Octal);
    (index, skipped.iter().map(ToString::to_string).collect())
}

/// What an index says of a name, in a word.
fn says(index: &RecordIndex, owner: &str, qtype: RecordType, spin: u32) -> String {
    let data = |body: &Body| {
        let records: Vec<_> = body.answer_records().map(|(ttl, data)| format!("{ttl} {data}")).collect();
        records.join(", ")
    };
    match index.find(name(owner).as_wire()) {
        Found::Nothing => "nothing".to_owned(),
        Found::Empty => "empty".to_owned(),
        Found::Node(node) => match node.say(qtype, spin) {
            Saying::Body(body) => data(body),
            Saying::NoData => "nodata".to_owned(),
            Saying::Follow { cname, target } => format!("{} → {target}", data(cname)),
            Saying::Flatten(target) => format!("flatten {target}"),
            Saying::Ask => "ask".to_owned(),
            Saying::Elsewhere => "elsewhere".to_owned(),
        },
    }
}

#[test]
fn names_are_found_with_wildcards_and_delegations() {
    let sets = [
        a("x.y", "10.0.0.1"),
        a("*.y", "10.0.0.2"),
        set("*", RecordType::TXT, &["\"all\""]),
        set("sub", RecordType::NS, &["ns.example."]),
        a("hidden.sub", "10.0.0.3"),
    ];
    let (index, skipped) = compiled(&sets);
    assert!(skipped.is_empty());
    for (owner, kind, expected) in [
        ("x.y", RecordType::A, "60 10.0.0.1"),
        ("z.y", RecordType::A, "60 10.0.0.2"),
        ("deep.z.y", RecordType::A, "60 10.0.0.2"),
        ("y", RecordType::A, "empty"),
        ("under.x.y", RecordType::A, "nothing"),
        ("under.*.y", RecordType::A, "nothing"),
        ("other", RecordType::TXT, "60 all"),
        ("other", RecordType::A, "nodata"),
        ("sub", RecordType::A, "elsewhere"),
        ("hidden.sub", RecordType::A, "elsewhere"),
        ("any.thing.sub", RecordType::A, "elsewhere"),
    ] {
        assert_eq!(says(&index, owner, kind, 0), expected, "{owner} {kind}");
    }
}

#[test]
fn aliases_of_the_zone_are_followed_by_type_and_end() {
    let sets = [
        a("db", "10.0.0.1"),
        set("db", RecordType::TXT, &["\"x\""]),
        alias("one", "Z1", "two.ecs.internal", true),
        alias("two", "Z1", "db.ecs.internal", true),
        alias("dangling", "Z1", "nosuch.ecs.internal", true),
        alias("round", "Z1", "trip.ecs.internal", true),
        alias("trip", "Z1", "round.ecs.internal", true),
        alias("lb", "Z35SXDOTRQ7X7K", "lb.example", true),
        alias("foreign", "Z2", "db.ecs.internal", false),
    ];
    let (index, skipped) = compiled(&sets);
    assert_eq!(says(&index, "one", RecordType::A, 0), "60 10.0.0.1");
    assert_eq!(says(&index, "one", RecordType::TXT, 0), "nodata");
    assert_eq!(says(&index, "dangling", RecordType::A, 0), "nodata");
    assert_eq!(says(&index, "round", RecordType::A, 0), "nodata");
    assert_eq!(says(&index, "lb", RecordType::A, 0), "flatten lb.example.");
    assert_eq!(says(&index, "foreign", RecordType::A, 0), "flatten db.ecs.internal.", "of another zone of that name");
    assert!(skipped.iter().all(|what| what.ends_with("its aliases go in a circle, or too far")), "{skipped:?}");
    assert_eq!(skipped.len(), 2);
}

#[test]
fn what_depends_on_health_or_place_is_asked() {
    let weighted = |weight| Routing::Weighted(weight);
    let checked = RecordSet { health_check: Some("h".to_owned()), ..a("checked", "10.0.0.1") };
    let sets = [
        checked,
        routed(a("failover", "10.0.0.1"), Routing::Failover { primary: true }),
        routed(a("latency", "10.0.0.1"), Routing::Latency { region: "eu-west-1".to_owned() }),
        routed(alias("healthy", "Z9", "lb.example", true), weighted(1)),
        routed(alias("indifferent", "Z9", "lb.example", false), weighted(1)),
        routed(set("cname", RecordType::CNAME, &["x.example."]), Routing::Failover { primary: false }),
        alias("to-latency", "Z1", "latency.ecs.internal", false),
    ];
    let (index, skipped) = compiled(&sets);
    assert!(skipped.is_empty(), "{skipped:?}");
    for owner in ["checked", "failover", "latency", "healthy", "cname", "to-latency"] {
        assert_eq!(says(&index, owner, RecordType::A, 0), "ask", "{owner}");
    }
    assert_eq!(says(&index, "checked", RecordType::TXT, 0), "nodata");
    assert_eq!(says(&index, "indifferent", RecordType::A, 0), "flatten lb.example.");
    assert_eq!(says(&index, "cname", RecordType::TXT, 0), "ask", "a CNAME is every type's business");
}

#[test]
fn one_alias_of_several_that_leads_nowhere_does_not_take_the_others_along() {
    let dangling = alias("w", "Z1", "nosuch.ecs.internal", false);
    let sets = [a("w", "10.0.0.1"), dangling].map(|set| routed(set, Routing::Weighted(1)));
    let (index, _) = compiled(&sets);
    assert_eq!(says(&index, "w", RecordType::A, 0), "ask");
    assert_eq!(says(&index, "w", RecordType::TXT, 0), "nodata");
}

#[test]
fn weights_are_kept_whatever_the_rhythm_of_the_questions() {
    let weighted = |value: &str, weight| routed(a("w", value), Routing::Weighted(weight));
    let sets = [weighted("10.0.0.1", 0), weighted("10.0.0.2", 1), weighted("10.0.0.3", 3)];
    let (index, _) = compiled(&sets);
    for step in [1, 2, 3, 7, 256] {
        let mut seen = [0; 4];
        for spin in (0..4000).map(|turn| turn * step) {
            let said = says(&index, "w", RecordType::A, spin);
            seen[usize::from(said.as_bytes()[said.len() - 1] - b'0')] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((900..=1100).contains(&seen[2]), "every {step}th: {seen:?}");
    }
    let idle = [weighted("10.0.0.1", 0), weighted("10.0.0.2", 0)];
    let (index, _) = compiled(&idle);
    let both: std::collections::BTreeSet<_> = (0..50).map(|spin| says(&index, "w", RecordType::A, spin)).collect();
    assert_eq!(both.len(), 2, "all weights 0: all alike");
}

#[test]
fn of_many_values_eight_are_said_with_one_ttl() {
    let value = |at: u8| {
        let mut set = routed(a("m", &format!("10.0.0.{at}")), Routing::Multivalue);
        set.content = Content::Values { ttl: 30 + u32::from(at), values: vec![format!("10.0.0.{at}")] };
        set
    };
    let few: Vec<_> = (1..=3).map(value).collect();
    assert_eq!(says(&compiled(&few).0, "m", RecordType::A, 0), "31 10.0.0.1, 31 10.0.0.2, 31 10.0.0.3");
    let many: Vec<_> = (1..=20).map(value).collect();
    let (index, _) = compiled(&many);
    let said: Vec<_> = (0..200).map(|spin| says(&index, "m", RecordType::A, spin)).collect();
    assert!(said.iter().all(|said| said.split(", ").count() == 8));
    let all: std::collections::BTreeSet<_> = said.iter().flat_map(|said| said.split(", ")).collect();
    assert_eq!(all.len(), 20);
}

#[test]
fn unsound_records_are_skipped_one_by_one() {
    let sets = [
        set("bad", RecordType::A, &["10.0.0.1", "x", "10.0.0.1"]),
        set("none", RecordType::AAAA, &["x"]),
        a("both", "10.0.0.2"),
        set("both", RecordType::CNAME, &["x.example."]),
        set("two", RecordType::CNAME, &["x.example.", "y.example."]),
        RecordSet { name: DomainName::from_text("elsewhere.example").unwrap(), ..a("x", "10.0.0.3") },
        RecordSet { name: DomainName::from_text("ecs.internal").unwrap(), ..set("x", RecordType::SOA, &["x"]) },
    ];
    let (index, skipped) = compiled(&sets);
    assert_eq!(says(&index, "bad", RecordType::A, 0), "60 10.0.0.1", "and no record twice");
    assert_eq!(says(&index, "none", RecordType::AAAA, 0), "nothing");
    assert_eq!(says(&index, "both", RecordType::A, 0), "60 10.0.0.2");
    assert_eq!(says(&index, "two", RecordType::A, 0), "60 x.example. → x.example.");
    assert_eq!(
        skipped,
        [
            "elsewhere.example. A: it is not below ecs.internal.",
            "bad.ecs.internal. A: `x` is not an IPv4 address",
            "two.ecs.internal. CNAME: a name can have one CNAME only: the first is taken",
            "both.ecs.internal. CNAME: a CNAME cannot stand beside other records",
            "none.ecs.internal. AAAA: `x` is not an IPv6 address",
        ]
    );
}

#[test]
fn a_diff_names_what_is_new_gone_or_different() {
    let (before, _) = compiled(&[a("same", "10.0.0.1"), a("other", "10.0.0.1"), a("gone", "10.0.0.1")]);
    let (after, _) = compiled(&[a("same", "10.0.0.1"), a("other", "10.0.0.2"), a("new.deep", "10.0.0.1")]);
    let changed: Vec<_> = before.changed(&after).into_iter().map(|name| name.to_string()).collect();
    let mut expected = ["other", "gone", "deep", "new.deep"].map(|owner| name(owner).to_string());
    expected.sort();
    let mut changed = changed;
    changed.sort();
    assert_eq!(changed, expected);
    assert_eq!((after.len(), after.nodes().count()), (4, 3), "deep is empty");
    assert!(matches!(after.at(name("deep").as_wire()), Found::Empty));
    assert!(after.nodes().all(|(_, node)| !matches!(node, RecordNode::Cut)) && !after.is_empty());
}
