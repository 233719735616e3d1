//! Over random services, random zones and random knowledge of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::register::plan::{Purpose, delete_limit};
use crate::route53::{Content, Routing};

const LABELS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What is true of the service of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Absent(Standing),
    Balanced,
    Tasks(u8),
    Held,
}

fn truth() -> impl Strategy<Value = Truth> {
    prop_oneof![
        Just(Truth::Absent(Standing::Draining)),
        Just(Truth::Absent(Standing::Inactive)),
        Just(Truth::Absent(Standing::Missing)),
        Just(Truth::Absent(Standing::Active { desired: 1 })),
        Just(Truth::Balanced),
        (0..8u8).prop_map(Truth::Tasks),
        Just(Truth::Held),
    ]
}

/// One record set that stands in the zone before we come: ours, half ours, or anybody's.
fn listed() -> impl Strategy<Value = Vec<RecordSet>> {
    let label = prop::sample::select(&LABELS[..]);
    (label, 0..12u8).prop_map(|(label, which)| {
        let a = |value: &str| simple(&name(label), RecordType::A, 60, vec![value.to_owned()]);
        let weighted =
            |set: RecordSet| RecordSet { routing: Routing::Weighted(3), set_identifier: Some("w".into()), ..set };
        let foreign = |cluster: &str| {
            let service = ServiceKey::new(&super::cluster(cluster), label);
            Ownership { service, task: None, kind: Kind::Cname }.record(&name(label)).unwrap()
        };
        let many =
            |identifier: &str| multivalue(&name(label), RecordType::A, 5, identifier.to_owned(), "10.9.9.9".to_owned());
        match which {
            0 => vec![cname(label, "other.example")],
            1 => vec![cname(label, &balancer(label))],
            2 => vec![a("10.1.1.1")],
            3 => vec![weighted(a("10.1.1.2"))],
            4 => vec![simple(&name(label), RecordType::TXT, 60, vec!["\"x\"".to_owned()])],
            5 => vec![foreign("test"), cname(label, "theirs.example")],
            6 => vec![simple(&name(&format!("_ecs-resolver.{label}")), RecordType::TXT, 1, vec!["\"y\"".to_owned()])],
            7 => vec![owner(label, label, Kind::Cname), cname(label, &balancer(label))],
            8 => vec![owner(label, label, Kind::Cname)],
            9 => vec![owner(label, label, Kind::A), many("ecs-resolver/a"), many("ecs-resolver/old")],
            10 => vec![owner(label, label, Kind::A), many("somebody")],
            _ => vec![weighted(cname(label, "w.example")), owner(label, label, Kind::Cname)],
        }
    })
}

/// A zone that Route 53 would hold.
fn zone() -> impl Strategy<Value = Model> {
    prop::collection::vec(listed(), 0..10).prop_map(|listed| {
        let mut zone = Model::default();
        for set in listed.into_iter().flatten() {
            // What cannot stand beside what is there is not there.
            let create = crate::route53::RecordChange { action: crate::route53::Action::Create, set };
            let _ = zone.request(&[create]);
        }
        zone
    })
}

fn world(truths: &[Truth]) -> (Desired, Evidence) {
    let tasks = ["a", "b", "c"];
    let mut desired = Desired::default();
    let mut standings = Vec::new();
    for (label, truth) in LABELS.iter().zip(truths) {
        match truth {
            Truth::Absent(standing) => standings.push((*label, *standing)),
            Truth::Balanced => desired.names.extend([balanced(label)]),
            Truth::Tasks(mask) => {
                let there: Vec<_> = (0..3).filter(|bit| mask & (1 << bit) != 0).map(|bit| tasks[bit]).collect();
                standings.push((*label, Standing::Active { desired: u32::from(mask % 2) }));
                desired.names.extend([of_tasks(label, &there)]);
            }
            Truth::Held => drop(desired.held.insert(key(label), "something".to_owned())),
        }
    }
    (desired, evidence(&standings))
}

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    prop::collection::vec(truth(), LABELS.len())
}

fn consent() -> impl Strategy<Value = Consent> {
    (any::<bool>(), any::<bool>()).prop_map(|(adopt, mass_delete)| Consent { adopt, mass_delete })
}

/// No name has record sets of the form that its ownership record claims without being whole: whatever is owned is
/// either planned to be put right, or says something.
fn half_owned(before: &Model, after: &Model) -> Vec<DomainName> {
    let complete = |zone: &Model, at: &DomainName, own: &Ownership| {
        zone.0.iter().any(|set| set.name == *at && set.kind == own.kind.record_type())
    };
    let was_half: BTreeSet<_> =
        before.owned().into_iter().filter(|(at, own)| !complete(before, at, own)).map(|(at, _)| at).collect();
    let halves = after.owned().into_iter().filter(|(at, own)| !complete(after, at, own) && !was_half.contains(at));
    halves.map(|(at, _)| at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn planning_again_after_applying_gives_nothing(zone in zone(), truths in truths(), consent in consent()) {
        let (mut zone, (desired, evidence)) = (zone, world(&truths));
        let first = plan(&zone.listing(), &desired, &evidence, consent);
        prop_assert_eq!(zone.all(&first.groups), Vec::<String>::new(), "Route 53 takes every change");
        let second = plan(&zone.listing(), &desired, &evidence, consent);
        prop_assert_eq!(second.groups, vec![]);
    }

    #[test]
    fn what_is_not_ours_is_never_touched(zone in zone(), truths in truths(), consent in consent()) {
        // Adopting is the one thing that touches what others made, on request.
        let consent = Consent { adopt: false, ..consent };
        let (mut zone, (desired, evidence)) = (zone, world(&truths));
        let before = zone.foreign();
        let plan = plan(&zone.listing(), &desired, &evidence, consent);
        for change in plan.groups.iter().flat_map(|group| &group.changes) {
            let alias = matches!(change.set.content, Content::Alias(_));
            prop_assert!(!alias);
            prop_assert!(!before.contains(&change.set), "{:?}", change);
        }
        zone.all(&plan.groups);
        for set in before {
            prop_assert!(zone.0.contains(&set), "{:?} is gone", set);
        }
    }

    #[test]
    fn two_controllers_converge_and_do_not_fight(zone in zone(), truths in truths(), order in any::<u64>()) {
        let (mut zone, (desired, evidence)) = (zone, world(&truths));
        // Both have listed before either has changed anything; their requests interleave.
        let groups = planned(&zone, &desired, &evidence).groups;
        let mut queues = [groups.clone(), groups];
        for step in 0..64 {
            let queue = &mut queues[usize::from(order >> step & 1 == 1)];
            if !queue.is_empty() {
                // The later of two that want the same is refused, and changes nothing.
                let _ = zone.request(&queue.remove(0).changes);
            }
        }
        queues.into_iter().flatten().for_each(|group| drop(zone.request(&group.changes)));
        prop_assert_eq!(planned(&zone, &desired, &evidence).groups, vec![]);
    }

    #[test]
    fn who_stops_between_two_requests_leaves_nothing_half_owned(
        zone in zone(), truths in truths(), stop in 0..8usize, consent in consent()
    ) {
        let (before, (desired, evidence)) = (zone, world(&truths));
        let plan = plan(&before.listing(), &desired, &evidence, consent);
        let mut after = before.clone();
        after.all(&plan.groups[..stop.min(plan.groups.len())]);
        // A service that ECS wants no task of keeps its name without an address.
        let scaled = |at: &DomainName| desired.names.get(at).is_some_and(|wanted| wanted.sets.is_empty());
        let halves: Vec<_> = half_owned(&before, &after).into_iter().filter(|at| !scaled(at)).collect();
        prop_assert_eq!(halves, vec![]);
    }

    #[test]
    fn deletes_stay_below_the_limit_and_need_proof(zone in zone(), truths in truths()) {
        let (desired, evidence) = world(&truths);
        let plan = planned(&zone, &desired, &evidence);
        let gone: Vec<_> = plan.groups.iter().filter(|it| it.purpose == Purpose::Deregister).collect();
        prop_assert!(gone.len() <= delete_limit(plan.owned));
        for group in gone {
            let standing = evidence.standings.get(&group.service);
            prop_assert!(matches!(standing, Some(Standing::Draining | Standing::Inactive | Standing::Missing)));
        }
        // Without any knowledge of the cluster, nothing is deleted and no name of ours loses anything.
        let blind = Evidence { clusters: BTreeMap::from([(cluster("prod"), Reading::default())]), ..Evidence::default() };
        prop_assert_eq!(planned(&zone, &Desired::default(), &blind).groups, vec![]);
    }
}
