use super::text::{Part, one_by_one};
use super::*;
use crate::inventory::reduce::samples::{World, apply, at, cluster, definition, prod, seen, service, task};
use crate::inventory::{Change, Outcome, Resource, ResourceId};

/// A cluster that is published, with a service, a task that runs and one that has stopped.
fn world() -> World {
    World::after([
        apply(Resource::Cluster(cluster("prod")), 0),
        apply(Resource::TaskDefinition(definition(1)), 1),
        apply(Resource::Service(service("web")), 2),
        seen(task(1, 3), 3),
        seen(task(2, 3), 3),
        Change::Delete { id: ResourceId::Task(task(2, 3).arn), at: at(4) },
        Change::Synced { cluster: prod() },
    ])
}

fn reread(inventory: &Inventory, now: i64) -> Inventory {
    let text = serde_json::to_string(&Saved::of(inventory, &BTreeMap::new())).unwrap();
    Saved::read_from(&text, one_by_one).unwrap().into_inventory(at(now))
}

#[test]
fn what_was_too_old_is_too_old_after_a_restart() {
    let mut world = World(reread(&world().0, 60));
    let moved = Task { container_instance: None, ..task(1, 2) };
    assert_eq!(world.step(seen(moved, 90)), Outcome::Stale, "a version that is older");
    assert_eq!(world.step(seen(task(2, 2), 90)), Outcome::Stale, "a task that has stopped");
    assert_eq!(world.step(apply(Resource::Service(service("web")), 1)), Outcome::Stale, "a service seen before");
    let gone = Change::Delete { id: ResourceId::Task(task(1, 3).arn), at: at(90) };
    assert!(matches!(world.step(gone), Outcome::Changed(_)));
}

/// Otherwise a host whose clock was ahead would take no news until that time has come.
#[test]
fn times_of_a_clock_that_was_ahead_do_not_keep_news_out() {
    let mut world = World(reread(&world().0, -3600));
    let scaled = Service { desired_count: 7, ..service("web") };
    assert!(matches!(world.step(apply(Resource::Service(scaled), -3599)), Outcome::Changed(_)));
    let gone = Change::Delete { id: ResourceId::Task(task(1, 3).arn), at: at(-3599) };
    assert!(matches!(world.step(gone), Outcome::Changed(_)));
}

#[test]
fn it_says_when_each_published_cluster_was_read() {
    let mut world = world();
    let _ = world.step(apply(Resource::Cluster(cluster("staging")), 5));
    let staging = cluster("staging").arn;
    let saved = Saved::of(&world.0, &[(prod(), at(9)), (staging, at(9))].into());
    assert_eq!(saved.read().collect::<Vec<_>>(), [(&prod(), "prod", at(9))]);
}

/// Long lists are read in parts, whatever is in their strings; what is wrong in one of them is wrong in the whole.
#[test]
fn parts_are_read_as_the_whole_is() {
    let tasks =
        (0..2_000).map(|number| Task { group: Some(format!("of \"],[\n\\{number}\" \u{fc}")), ..task(number, 1) });
    let seen = tasks.map(|task| seen(task, 3));
    let saved = Saved::of(&World::after(seen).0, &BTreeMap::new());
    let mut text = Vec::new();
    saved.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), serde_json::to_value(&saved).unwrap());
    let mut parts = 0;
    let counted = |all: &[Part<'_>]| {
        parts = all.len();
        one_by_one(all)
    };
    assert_eq!(Saved::read_from(&text, counted).unwrap(), saved);
    assert!((5..100).contains(&parts), "{parts} parts of {} octets", text.len());
    let wrong = text.replacen("\"version\":1", "\"version\":\"1\"", 1_500);
    assert!(Saved::read_from(&wrong, one_by_one).is_err());
}
