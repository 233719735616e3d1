//! It can never wipe a zone: an empty, throttled, denied or half-read cluster deletes nothing, and many deletes need
//! consent.

use ecs_resolver::cli::exit;

use super::{SEED, add_balanced, changes, controller, once, registered, seed};
use crate::fake_aws::{FakeAws, Fault, Op, World};

/// A way of a cluster to look as if services were gone.
pub struct Mishap {
    pub name: &'static str,
    /// Brings it about.
    pub happen: fn(&FakeAws),
    /// Whether a whole reconcile is still possible.
    pub whole: bool,
}

/// All of them.
pub const MISHAPS: &[Mishap] = &[
    Mishap { name: "the list is empty", happen: |fake| freeze_empty(fake, &[Op::ListServices]), whole: true },
    Mishap {
        name: "the list is empty and every service is MISSING",
        happen: |fake| freeze_empty(fake, &[Op::ListServices, Op::DescribeServices]),
        whole: true,
    },
    Mishap {
        name: "the list is empty and every service but one that something was heard of is MISSING",
        happen: |fake| {
            freeze_empty(fake, &[Op::ListServices]);
            fake.freeze_as(Op::DescribeServices, only(fake, SEED[0]));
        },
        whole: true,
    },
    Mishap { name: "throttled list", happen: |fake| fail(fake, Op::ListServices, Fault::Throttled), whole: false },
    Mishap { name: "denied list", happen: |fake| fail(fake, Op::ListServices, Fault::AccessDenied), whole: false },
    Mishap {
        name: "denied description",
        happen: |fake| fail(fake, Op::DescribeServices, Fault::AccessDenied),
        whole: false,
    },
    Mishap { name: "broken description", happen: |fake| fail(fake, Op::DescribeServices, Fault::Drop), whole: false },
    Mishap {
        name: "denied cluster",
        happen: |fake| fail(fake, Op::DescribeClusters, Fault::AccessDenied),
        whole: false,
    },
    Mishap {
        name: "half of the list is read",
        happen: |fake| {
            fake.knobs().set_page_size(Op::ListServices, 1);
            fake.knobs().fail_after(Op::ListServices, Fault::InternalFailure, 1);
        },
        whole: false,
    },
    Mishap {
        name: "half of the services are described, as others are gone",
        happen: |fake| {
            for number in 0..15 {
                add_balanced(fake, &format!("other{number}"));
            }
            fake.knobs().fail_after(Op::DescribeServices, Fault::InternalFailure, 1);
        },
        whole: false,
    },
    Mishap {
        name: "the load balancers cannot be read",
        happen: |fake| fail(fake, Op::DescribeClassicLoadBalancers, Fault::AccessDenied),
        whole: true,
    },
    Mishap {
        name: "the load balancers are gone",
        happen: |fake| fake.world().classic_load_balancers.clear(),
        whole: true,
    },
    Mishap { name: "there is no cluster", happen: |fake| fake.world().clusters.clear(), whole: false },
    Mishap {
        name: "the zone is read in half",
        happen: |fake| {
            fake.knobs().set_page_size(Op::ListResourceRecordSets, 3);
            fake.knobs().fail_after(Op::ListResourceRecordSets, Fault::AccessDenied, 1);
            // Gone for good, so that there would be something to delete.
            fake.world().service("prod", SEED[0]).status("INACTIVE");
        },
        whole: false,
    },
];

fn fail(fake: &FakeAws, op: Op, fault: Fault) {
    fake.knobs().fail(op, fault);
}

/// From now on these operations answer as if the cluster had no services.
fn freeze_empty(fake: &FakeAws, operations: &[Op]) {
    let mut world = World::default();
    world.cluster("prod");
    for op in operations {
        fake.freeze_as(*op, world.clone());
    }
}

/// The world as it is, but for the other services of the cluster.
pub fn only(fake: &FakeAws, service: &str) -> World {
    let mut world = fake.world().clone();
    if let Some(prod) = world.clusters.get_mut("prod") {
        prod.services.retain(|name, _| name == service);
    }
    world
}

/// Registers the seed's services, lets the mishap happen, reconciles by `reconcile`, and demands that every record is
/// still there, and nothing else either.
pub fn nothing_is_lost(mishap: &Mishap, reconcile: impl Fn(&FakeAws) -> Result<(), String>) {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    once(&fake).ok();
    let before = fake.hosting().zone(&zone).sets.clone();
    assert_eq!(fake.hosting().owned(&zone).len(), SEED.len());
    (mishap.happen)(&fake);
    fake.forget_calls();
    let ended = reconcile(&fake);
    let after = fake.hosting().zone(&zone).sets.clone();
    let lost: Vec<_> = before.iter().filter(|set| !after.contains(set)).collect();
    assert!(lost.is_empty(), "{}: {lost:?} {ended:?}", mishap.name);
    assert_eq!(ended.is_ok(), mishap.whole, "{}: {ended:?}", mishap.name);
}

#[test]
fn a_cluster_that_is_not_read_well_deletes_nothing() {
    std::thread::scope(|scope| {
        for mishap in MISHAPS {
            scope.spawn(|| {
                nothing_is_lost(mishap, |fake| {
                    let ended = once(fake);
                    if ended.status == exit::OK { Ok(()) } else { Err(ended.said) }
                });
            });
        }
    });
}

#[test]
fn many_deletes_are_refused_with_a_status_of_their_own() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let services: Vec<_> = (0..30).map(|number| format!("s{number:02}")).collect();
    services.iter().for_each(|service| drop(add_balanced(&fake, service)));
    once(&fake).ok();
    for service in &services[..7] {
        fake.world().service("prod", service).status("INACTIVE");
    }
    add_balanced(&fake, "fresh");
    let refused = once(&fake);
    assert_eq!(refused.status, exit::REFUSED, "{}", refused.said);
    assert!(refused.said.contains("7 of 30 names would go, and more than 6 at once may not"), "{}", refused.said);
    assert!(refused.said.contains("--allow-mass-delete"), "{}", refused.said);
    assert_eq!(fake.hosting().records(&zone).len(), 31, "what is new is registered all the same");
    assert_eq!(controller(&fake, &["--plan"]).status, exit::REFUSED);
    let json = controller(&fake, &["--plan", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.printed).unwrap();
    assert_eq!(json["refused"], serde_json::json!({ "deletes": 7, "owned": 31, "limit": 6 }));
    let before = changes(&fake);
    controller(&fake, &["--once", "--allow-mass-delete"]).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert_eq!(changes(&fake), before + 1);
}
