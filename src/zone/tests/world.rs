//! Random records for the layers beside ECS: few names, and those of the services among them, so that all meet.

use proptest::prelude::*;

use crate::dns::{DomainName, RecordType};
use crate::route53::{AliasTarget, Content, HostedZoneId, RecordSet, Routing};

/// The zone of these records.
pub const ORIGIN: &str = "ecs.internal";

const LABELS: [&str; 10] = ["web", "my-app", "*", "a", "b", "_x", "task", "prod", "_tcp", "staging"];

/// A name below the zone.
pub fn names() -> impl Strategy<Value = DomainName> {
    prop::collection::vec(0..LABELS.len(), 1..4).prop_map(|labels| {
        let labels: Vec<&str> = labels.into_iter().map(|at| LABELS[at]).collect();
        DomainName::join(&labels, &DomainName::from_text(ORIGIN).unwrap()).unwrap()
    })
}

fn content(die: u8, target: &DomainName) -> (RecordType, Content) {
    let values =
        |kind, values: &[String]| (kind, Content::Values { ttl: 60 + u32::from(die), values: values.to_vec() });
    match die % 12 {
        0 | 1 => values(RecordType::A, &[format!("10.1.0.{die}"), format!("10.2.0.{die}")]),
        // More than there is room for over UDP.
        2 => values(RecordType::A, &(0..die % 120).map(|host| format!("10.1.{die}.{host}")).collect::<Vec<_>>()),
        3 => values(RecordType::AAAA, &["fd00::1".to_owned()]),
        4 | 5 => values(RecordType::TXT, &[format!("\"t{die}\"")]),
        6..=8 => values(RecordType::CNAME, &[target.to_string()]),
        9 => values(RecordType::CNAME, &["lb.example.com.".to_owned()]),
        10 => {
            let zone = HostedZoneId::new("Z9");
            let name = DomainName::from_text("lb.example.com").unwrap();
            (RecordType::A, Content::Alias(AliasTarget { zone, name, evaluates_health: false }))
        }
        _ => values(RecordType::NS, &["ns.example.com.".to_owned()]),
    }
}

fn set(name: DomainName, target: &DomainName, die: u8, ask: bool) -> RecordSet {
    let (kind, content) = content(die, target);
    let routing = if ask && kind != RecordType::NS { Routing::Failover { primary: true } } else { Routing::Simple };
    RecordSet { name, kind, content, routing, set_identifier: None, health_check: None }
}

/// Keeps the first set of each name and type.
fn distinct(sets: Vec<RecordSet>) -> Vec<RecordSet> {
    let mut kept: Vec<RecordSet> = Vec::new();
    for set in sets {
        if !kept.iter().any(|other| (&other.name, other.kind) == (&set.name, set.kind)) {
            kept.push(set);
        }
    }
    kept
}

/// Record sets of a hosted zone.
pub fn hosted() -> impl Strategy<Value = Vec<RecordSet>> {
    let set = (names(), names(), any::<u8>(), prop::bool::weighted(0.1));
    prop::collection::vec(set.prop_map(|(name, target, die, ask)| self::set(name, &target, die, ask)), 0..25)
        .prop_map(distinct)
}

/// Records of a configuration: no wildcards, no aliases, no delegations, a CNAME alone.
pub fn records() -> impl Strategy<Value = Vec<RecordSet>> {
    let fits = |set: &RecordSet| {
        let plain = matches!(set.content, Content::Values { .. }) && set.kind != RecordType::NS;
        plain && set.name.labels().next() != Some(b"*") && set.name.labels().count() > 2
    };
    let set = (names(), names(), any::<u8>()).prop_map(|(name, target, die)| set(name, &target, die, false));
    prop::collection::vec(set.prop_filter("not of a configuration", fits), 0..4).prop_map(|sets| {
        let sets = distinct(sets);
        let alone = |set: &RecordSet| {
            set.kind != RecordType::CNAME || !sets.iter().any(|other| other.name == set.name && other.kind != set.kind)
        };
        sets.iter().filter(|set| alone(set)).cloned().collect()
    })
}
