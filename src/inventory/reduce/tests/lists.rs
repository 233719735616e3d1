//! Resets, and what they prune.

use std::collections::BTreeSet;

use super::super::samples::{
    World, apply, at, balancer, balancer_arn, changed, cluster, cluster_arn, definition, group, group_arn, instance,
    instance_arn, key, machine, machine_id, prod, seen, service, service_in, subject, task,
};
use super::stopped;
use crate::ecs::TaskDefinition;
use crate::inventory::{Change, Outcome, Resource, ResourceId, Scope, Subject};

const HOURS: i64 = 3_600;

fn list(scope: Scope, ids: impl IntoIterator<Item = ResourceId>, second: i64) -> Change {
    Change::Reset { scope, ids: ids.into_iter().collect(), at: at(second) }
}

#[test]
fn a_list_deletes_what_it_lacks_and_was_not_seen_since() {
    let applied = |name, second| apply(Resource::Service(service(name)), second);
    let mut world =
        World::after([applied("listed", 10), applied("gone", 10), applied("new", 20), seen(task(1, 1), 10)]);
    let listed = [ResourceId::Service(key("listed"))];
    assert_eq!(world.step(list(Scope::Services(cluster_arn("staging")), [], 30)), Outcome::Unchanged);
    assert_eq!(world.step(list(Scope::Services(prod()), listed.clone(), 20)), changed([subject("gone")]));
    assert_eq!(world.0.services.keys().cloned().collect::<Vec<_>>(), [key("listed"), key("new")]);
    assert_eq!(world.step(list(Scope::Services(prod()), listed, 20)), Outcome::Unchanged);
    assert_eq!(world.0.counts().tasks, 1, "never a task");
}

#[test]
fn a_list_of_hosts_touches_what_ran_on_them() {
    let mut world = World::after([
        apply(Resource::ContainerInstance(instance(1, 1)), 10),
        apply(Resource::ContainerInstance(instance(2, 1)), 10),
        apply(Resource::Ec2Instance(machine(1)), 10),
        seen(task(1, 1), 10),
    ]);
    let left = [ResourceId::ContainerInstance(instance_arn(2))];
    let outcome = world.step(list(Scope::ContainerInstances(prod()), left, 20));
    assert_eq!(outcome, changed([Subject::Host(instance_arn(1)), subject("web")]));
    assert!(world.0.ec2_instances.contains_key(&machine_id(1)), "it may be registered anew");
    assert_eq!(world.0.container_instances.len(), 2, "its task must not look like one of an unknown host");
    let _ = world.step(Change::Delete { id: ResourceId::Task(task(1, 1).arn), at: at(30) });
    assert_eq!(world.0.container_instances.len(), 1);
    let _ = world.step(list(Scope::ContainerInstances(prod()), [], 4 * HOURS));
    assert!(world.0.ec2_instances.is_empty());
}

#[test]
fn a_list_of_clusters_takes_along_what_was_in_them() {
    let mut world = World::after([
        apply(Resource::Cluster(cluster("prod")), 10),
        apply(Resource::Cluster(cluster("staging")), 10),
        apply(Resource::Service(service("web")), 10),
        apply(Resource::Service(service("late")), 20),
    ]);
    let listed = [ResourceId::Cluster(cluster_arn("staging"))];
    let outcome = world.step(list(Scope::Clusters, listed.clone(), 20));
    assert_eq!(outcome, changed([Subject::Cluster(prod()), subject("web")]));
    assert_eq!(
        world.step(list(Scope::Clusters, listed, 30)),
        changed([subject("late")]),
        "left by itself, it goes too"
    );
    assert_eq!((world.0.counts().clusters, world.0.counts().services), (1, 0));
}

#[test]
fn tombstones_go_after_three_hours() {
    let mut world = World::after([seen(stopped(1, 1), 0)]);
    let _ = world.step(list(Scope::Clusters, [], 3 * HOURS));
    assert_eq!(world.step(seen(task(1, 2), 3 * HOURS)), Outcome::Stale);
    let _ = world.step(list(Scope::Clusters, [], 3 * HOURS + 1));
    assert!(world.0.tombstones.is_empty());
}

#[test]
fn tombstones_are_bounded_and_the_oldest_go_first() {
    let world = World::after((0..200_001).map(|number| seen(stopped(number, 1), i64::from(number))));
    assert_eq!(world.0.tombstones.len(), 180_001);
    let oldest = world.0.tombstones.values().map(|tombstone| tombstone.at).min();
    assert_eq!(oldest, Some(at(20_000)));
}

#[test]
fn what_nobody_refers_to_is_forgotten_in_time() {
    let applied = |second| {
        [
            apply(Resource::TargetGroup(group(1)), second),
            apply(Resource::LoadBalancer(balancer(balancer_arn(1), "lb.example")), second),
        ]
    };
    let mut world = World::after(applied(0).into_iter().chain([apply(Resource::Service(service_in(1)), 4 * HOURS)]));
    let _ = world.step(list(Scope::Services(prod()), [], 4 * HOURS));
    assert!(world.0.target_groups.contains_key(&group_arn(1)), "a service declares it");
    let _ = world.step(list(Scope::Services(prod()), [], 5 * HOURS));
    assert!(world.0.target_groups.is_empty() && world.0.links.groups_behind.is_empty());
    let _ = world.step(list(Scope::Services(prod()), [], 6 * HOURS));
    assert!(world.0.load_balancers.is_empty());
}

#[test]
fn unused_definitions_are_bounded() {
    let mut world = World::after((0..1_001).map(|number| apply(Resource::TaskDefinition(definition(number)), 0)));
    let _ = world.step(seen(task(1, 1), 0));
    let _ = world.step(list(Scope::Clusters, [], 0));
    assert_eq!(world.0.task_definitions.len(), 1_001);
    let one_more = TaskDefinition { ..definition(5_000) };
    let _ = world.step(apply(Resource::TaskDefinition(one_more), 0));
    let _ = world.step(list(Scope::Clusters, [], 0));
    assert_eq!(world.0.task_definitions.into_keys().collect::<BTreeSet<_>>(), [definition(1).arn].into());
}
