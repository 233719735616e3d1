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

/// So many things a record set can say; by the rest of a die its values differ.
const KINDS: u8 = 12;

fn content(die: u8, target: &DomainName) -> (RecordType, Content) {
    let values =
        |kind, values: &[String]| (kind, Content::Values { ttl: 60 + u32::from(die), values: values.to_vec() });
    match die % KINDS {
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

/// Sets of one name and type among which Route 53 chooses by weight, or of which it says several at once.
fn choice(name: &DomainName, die: u8, parts: &[(DomainName, u8, u8)], multivalue: bool) -> Vec<RecordSet> {
    let sets = parts.iter().enumerate().map(|(at, (target, other, weight))| RecordSet {
        routing: if multivalue { Routing::Multivalue } else { Routing::Weighted(*weight) },
        set_identifier: Some(at.to_string()),
        // Of the same kind, and mostly with other values.
        ..set(name.clone(), target, die + other * KINDS, false)
    });
    let has_values = |set: &RecordSet| matches!(set.content, Content::Values { .. }) && set.kind != RecordType::CNAME;
    let fits = |set: &RecordSet| set.kind != RecordType::NS && (!multivalue || has_values(set));
    sets.filter(fits).collect()
}

/// Keeps what comes first for each name and type.
fn distinct(groups: impl IntoIterator<Item = Vec<RecordSet>>) -> Vec<RecordSet> {
    let mut kept: Vec<RecordSet> = Vec::new();
    for group in groups {
        let is_taken = |set: &RecordSet| kept.iter().any(|other| (&other.name, other.kind) == (&set.name, set.kind));
        if !group.iter().any(is_taken) {
            kept.extend(group);
        }
    }
    kept
}

/// Record sets of a hosted zone: most stand alone, others are to be chosen from.
pub fn hosted() -> impl Strategy<Value = Vec<RecordSet>> {
    let alone = (names(), names(), any::<u8>(), prop::bool::weighted(0.1))
        .prop_map(|(name, target, die, ask)| vec![set(name, &target, die, ask)]);
    let parts = prop::collection::vec((names(), 0u8..20, 0u8..6), 1..5);
    let several = (names(), 0..KINDS, parts, any::<bool>())
        .prop_map(|(name, die, parts, multivalue)| choice(&name, die, &parts, multivalue));
    prop::collection::vec(prop_oneof![4 => alone, 1 => several], 0..25).prop_map(distinct)
}

/// Records of a configuration: no wildcards, no aliases, no delegations, a CNAME alone.
pub fn records() -> impl Strategy<Value = Vec<RecordSet>> {
    let fits = |set: &RecordSet| {
        let plain = matches!(set.content, Content::Values { .. }) && set.kind != RecordType::NS;
        plain && set.name.labels().next() != Some(b"*") && set.name.labels().count() > 2
    };
    let set = (names(), names(), any::<u8>()).prop_map(|(name, target, die)| set(name, &target, die, false));
    prop::collection::vec(set.prop_filter("not of a configuration", fits), 0..4).prop_map(|sets| {
        let sets = distinct(sets.into_iter().map(|set| vec![set]));
        let alone = |set: &RecordSet| {
            set.kind != RecordType::CNAME || !sets.iter().any(|other| other.name == set.name && other.kind != set.kind)
        };
        sets.iter().filter(|set| alone(set)).cloned().collect()
    })
}
