//! Services, hosts, load balancers and clusters, one by one.

use super::super::samples::{
    World, apply, at, balancer, balancer_arn, changed, cluster, container, definition, definition_arn, group,
    group_arn, instance, instance_arn, key, machine, machine_id, prod, seen, service, service_in, subject, task,
    task_arn,
};
use crate::ecs::{
    ContainerInstance, ContainerInstanceStatus, Ec2State, LoadBalancerId, LoadBalancerRef, Service, ServiceStatus,
    TargetGroup, Task,
};
use crate::inventory::{Change, Outcome, Resource, ResourceId, Subject};

fn gone(id: ResourceId, second: i64) -> Change {
    Change::Delete { id, at: at(second) }
}

fn host(number: u32) -> Subject {
    Subject::Host(instance_arn(number))
}

#[test]
fn services_are_ordered_by_request() {
    let applied = |service: Service, second| apply(Resource::Service(service), second);
    let mut world = World::default();
    assert_eq!(world.step(applied(service("web"), 10)), changed([subject("web")]));
    let larger = Service { desired_count: 2, ..service("web") };
    assert_eq!(world.step(applied(larger.clone(), 9)), Outcome::Stale);
    assert_eq!(world.step(applied(service("web"), 15)), Outcome::Unchanged);
    assert_eq!(world.step(applied(larger, 20)), changed([subject("web")]));
    let inactive = Service { status: ServiceStatus::Inactive, ..service("web") };
    assert_eq!(world.step(applied(inactive.clone(), 19)), Outcome::Stale);
    assert_eq!(world.step(applied(inactive.clone(), 21)), changed([subject("web")]));
    assert_eq!(world.step(applied(inactive, 22)), Outcome::Unchanged);
    assert!(world.0.services.is_empty());
}

#[test]
fn a_deleted_service_leaves_its_tasks_and_drops_its_definition_with_them() {
    let mut world = World::after([
        apply(Resource::Service(service("web")), 10),
        seen(task(1, 1), 10),
        apply(Resource::TaskDefinition(definition(1)), 10),
    ]);
    assert_eq!(world.step(gone(ResourceId::Service(key("web")), 9)), Outcome::Stale);
    assert_eq!(world.step(gone(ResourceId::Service(key("web")), 10)), changed([subject("web")]));
    assert_eq!(world.0.tasks_of(&key("web")).count(), 1);
    assert!(world.0.task_definitions.contains_key(&definition_arn(1)));
    let _ = world.step(gone(ResourceId::Task(task_arn(1)), 20));
    assert!(world.0.task_definitions.is_empty());
}

#[test]
fn a_service_that_moves_on_drops_the_revision_before() {
    let mut world = World::after([
        apply(Resource::Service(service("web")), 10),
        apply(Resource::TaskDefinition(definition(1)), 10),
        apply(Resource::TaskDefinition(definition(2)), 10),
    ]);
    let next = Service { task_definition: Some(definition_arn(2)), ..service("web") };
    let _ = world.step(apply(Resource::Service(next), 20));
    assert_eq!(world.0.task_definitions.keys().collect::<Vec<_>>(), [&definition_arn(2)]);
}

#[test]
fn a_container_instance_touches_the_host_and_everybody_on_it() {
    let standalone = Task { group: None, ..task(2, 1) };
    let mut world = World::after([seen(task(1, 1), 10), seen(standalone, 10)]);
    let everybody = changed([host(1), subject("web"), Subject::Task(task_arn(2))]);
    assert_eq!(world.step(apply(Resource::ContainerInstance(instance(1, 5)), 10)), everybody);
    let draining = |version| ContainerInstance { status: ContainerInstanceStatus::Draining, version, ..instance(1, 0) };
    assert_eq!(world.step(apply(Resource::ContainerInstance(draining(Some(4))), 20)), Outcome::Stale);
    assert_eq!(world.step(apply(Resource::ContainerInstance(draining(None)), 19)), Outcome::Stale, "by time");
    assert_eq!(world.step(apply(Resource::ContainerInstance(instance(1, 6)), 5)), Outcome::Unchanged);
    assert_eq!(world.0.container_instances[&instance_arn(1)].at, at(20), "time never goes back");
    assert_eq!(world.step(apply(Resource::ContainerInstance(draining(Some(7))), 30)), everybody);
    let inactive = ContainerInstance { status: ContainerInstanceStatus::Inactive, ..instance(1, 8) };
    assert_eq!(world.step(apply(Resource::ContainerInstance(inactive), 40)), everybody);
    assert_eq!(world.0.container_instances[&instance_arn(1)].value.status, ContainerInstanceStatus::Inactive);
    assert_eq!(world.step(apply(Resource::ContainerInstance(instance(1, 8)), 50)), everybody, "it is back");
    for number in [1, 2] {
        let _ = world.step(Change::Delete { id: ResourceId::Task(task_arn(number)), at: at(60) });
    }
    let _ = world.step(Change::Delete { id: ResourceId::ContainerInstance(instance_arn(1)), at: at(60) });
    assert!(world.0.container_instances.is_empty() && world.0.links.instances_on.is_empty());
}

#[test]
fn a_machine_touches_everybody_on_it() {
    let mut world = World::after([seen(task(1, 1), 10), apply(Resource::ContainerInstance(instance(1, 1)), 10)]);
    let everybody = changed([host(1), subject("web")]);
    assert_eq!(world.step(apply(Resource::Ec2Instance(machine(1)), 10)), everybody);
    assert_eq!(world.0.machine_of(&instance_arn(1)), Some(&machine(1)));
    assert_eq!(world.step(apply(Resource::Ec2Instance(machine(1)), 20)), Outcome::Unchanged);
    assert_eq!(world.step(gone(ResourceId::Ec2Instance(machine_id(1)), 19)), Outcome::Stale);
    assert_eq!(world.step(gone(ResourceId::Ec2Instance(machine_id(1)), 20)), everybody);
    let left = world.0.machine_of(&instance_arn(1)).unwrap();
    assert_eq!((left.state, left.private_ipv4), (Ec2State::Terminated, None));
    assert_eq!(world.step(gone(ResourceId::Ec2Instance(machine_id(1)), 30)), Outcome::Unchanged);
    assert_eq!(world.step(apply(Resource::Ec2Instance(machine(2)), 10)), changed([]), "nobody is on it");
    assert_eq!(world.step(gone(ResourceId::Ec2Instance(machine_id(2)), 20)), changed([]));
    assert!(!world.0.ec2_instances.contains_key(&machine_id(2)));
}

#[test]
fn a_machine_never_described_but_gone_is_known_to_be_gone() {
    let mut world = World::after([apply(Resource::ContainerInstance(instance(1, 1)), 10)]);
    assert_eq!(world.step(gone(ResourceId::Ec2Instance(machine_id(1)), 20)), changed([host(1)]));
    assert!(world.0.machine_of(&instance_arn(1)).unwrap().state.is_gone());
}

#[test]
fn load_balancers_reach_the_services_behind_them() {
    let classic = LoadBalancerId("internal".into());
    let refers = vec![LoadBalancerRef::LoadBalancerName(classic.clone())];
    let mut world = World::after([
        apply(Resource::Service(service_in(1)), 10),
        apply(Resource::Service(Service { load_balancers: refers, ..service("old") }), 10),
    ]);
    let known = |id: &LoadBalancerId| apply(Resource::LoadBalancer(balancer(id.clone(), "lb.example")), 10);
    assert_eq!(world.step(known(&classic)), changed([subject("old")]));
    assert_eq!(world.step(known(&balancer_arn(1))), changed([]), "its group is not known yet");
    assert_eq!(world.step(apply(Resource::TargetGroup(group(1)), 10)), changed([subject("web")]));
    let renamed = balancer(balancer_arn(1), "other.example");
    assert_eq!(world.step(apply(Resource::LoadBalancer(renamed), 20)), changed([subject("web")]));
    let detached = TargetGroup { load_balancers: Vec::new(), ..group(1) };
    assert_eq!(world.step(apply(Resource::TargetGroup(detached), 20)), changed([subject("web")]));
    assert!(world.0.links.groups_behind.is_empty());
}

#[test]
fn a_load_balancer_is_kept_as_long_as_it_is_declared() {
    let mut world = World::after([
        apply(Resource::Service(service_in(1)), 10),
        apply(Resource::TargetGroup(group(1)), 10),
        apply(Resource::LoadBalancer(balancer(balancer_arn(1), "lb.example")), 10),
    ]);
    let deletions = [ResourceId::TargetGroup(group_arn(1)), ResourceId::LoadBalancer(balancer_arn(1))];
    for id in &deletions {
        assert_eq!(world.step(gone(id.clone(), 9)), Outcome::Stale);
        assert_eq!(world.step(gone(id.clone(), 20)), Outcome::Unchanged);
    }
    assert_eq!((world.0.target_groups.len(), world.0.load_balancers.len()), (1, 1));
    let _ = world.step(apply(Resource::Service(service("web")), 30));
    for id in &deletions {
        assert_eq!(world.step(gone(id.clone(), 40)), changed([]));
    }
    assert_eq!((world.0.target_groups.len(), world.0.load_balancers.len()), (0, 0));
}

#[test]
fn a_cluster_is_touched_when_it_comes_and_when_it_is_synced() {
    let mut world = World::default();
    let touched = changed([Subject::Cluster(prod())]);
    assert_eq!(world.step(Change::Synced { cluster: prod() }), Outcome::Stale);
    assert_eq!(world.step(apply(Resource::Cluster(cluster("prod")), 10)), touched);
    assert_eq!(world.step(apply(Resource::Cluster(cluster("prod")), 20)), Outcome::Unchanged);
    assert_eq!(world.step(Change::Synced { cluster: prod() }), touched);
    assert_eq!(world.step(Change::Synced { cluster: prod() }), Outcome::Unchanged);
    assert_eq!(world.0.counts().synced_clusters, 1);
}

#[test]
fn a_cluster_takes_everything_along() {
    let mut world = World::after([
        apply(Resource::Cluster(cluster("prod")), 10),
        apply(Resource::Cluster(cluster("staging")), 10),
        apply(Resource::Service(service("web")), 10),
        seen(Task { containers: vec![container("app", None)], ..task(1, 1) }, 10),
        apply(Resource::ContainerInstance(instance(1, 1)), 10),
    ]);
    assert_eq!(world.step(gone(ResourceId::Cluster(prod()), 9)), Outcome::Stale);
    let all = changed([Subject::Cluster(prod()), subject("web"), host(1)]);
    assert_eq!(world.step(gone(ResourceId::Cluster(prod()), 10)), all);
    let counts = world.0.counts();
    assert_eq!((counts.clusters, counts.services, counts.tasks, counts.container_instances), (1, 0, 0, 0));
    assert_eq!(world.step(gone(ResourceId::Cluster(prod()), 20)), Outcome::Unchanged);
    assert!(world.0.tombstones.is_empty(), "the cluster may be selected again");
}
