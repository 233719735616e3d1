//! What must hold after any history.

mod views;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::samples::{
    World, apply, at, balancer, balancer_arn, cluster, cluster_arn, container, definition, definition_arn, group,
    group_arn, instance, instance_arn, key, machine, machine_id, prod, seen, service, service_in, task, task_arn,
};
use crate::ecs::{
    Container, ContainerInstance, ContainerInstanceStatus, Ec2Instance, Health, LoadBalancerId, LoadBalancerRef,
    NetworkBinding, Protocol, Service, ServiceStatus, TargetGroup, Task, TaskStatus,
};
use crate::inventory::links::{Link, Links};
use crate::inventory::saved::text::one_by_one;
use crate::inventory::{Change, Inventory, Observed, Outcome, Resource, ResourceId, Saved, Scope};

/// Built from nothing, as `reduce` must have kept them.
fn links_of(inventory: &Inventory) -> Links {
    let mut links = Links::default();
    inventory.tasks.values().for_each(|record| links.task(Link::Add, &record.task));
    inventory.services.iter().for_each(|(key, record)| links.service(Link::Add, key, &record.value));
    inventory.container_instances.values().for_each(|record| links.container_instance(Link::Add, &record.value));
    inventory.target_groups.values().for_each(|record| links.target_group(Link::Add, &record.value));
    links
}

fn health() -> impl Strategy<Value = Option<Health>> {
    select(vec![None, Some(Health::Unknown), Some(Health::Healthy), Some(Health::Unhealthy)])
}

/// What one version of a task says; the last of them may be its end.
fn state() -> impl Strategy<Value = Task> {
    let last = prop_oneof![
        8 => select(vec![TaskStatus::Pending, TaskStatus::Running, TaskStatus::Deactivating]),
        1 => Just(TaskStatus::Stopped),
    ];
    (last, 0..4_u32, 0..3_u32, 0..3_u32, any::<u8>()).prop_map(|(last_status, group, instance, definition, octet)| {
        Task {
            last_status,
            group: Some(["service:web", "service:api", "family:batch", "service:Web"][group as usize].to_owned()),
            container_instance: Some(instance_arn(instance)),
            task_definition: definition_arn(definition),
            availability_zone: Some(format!("zone-{octet}")),
            ipv4: vec![[10, 0, 0, octet].into()],
            ipv6: vec![[0, 0, 0, 0, 0, 0, 0, u16::from(octet)].into()],
            started_at: Some(at(i64::from(octet))),
            ..task(1, 1)
        }
    })
}

/// One observation: task, version, which fields it has, health, second of the request.
type Observation = (u32, usize, [bool; 8], Option<Health>, i64);

fn observation() -> impl Strategy<Value = Observation> {
    (1..4_u32, 0..5_usize, any::<[bool; 8]>(), health(), 0..30_i64)
}

fn observed(states: &[Task], seen: &Observation) -> Change {
    let (number, version, has, health, second) = *seen;
    let mut task = Task { arn: task_arn(number), version: Some(version as u64 + 1), ..states[version].clone() };
    let bindings = NetworkBinding { container_port: 80, host_port: 32_768 + version as u16, protocol: Protocol::Tcp };
    let app = Container { network_bindings: vec![bindings], ..container("app", health) };
    task.containers = if has[0] { vec![container("sidecar", None), app] } else { vec![app] };
    (!has[1]).then(|| task.group = None);
    (!has[2]).then(|| task.container_instance = None);
    (!has[3]).then(|| task.availability_zone = None);
    (!has[4]).then(|| task.ipv4.clear());
    (!has[5]).then(|| task.ipv6.clear());
    (!has[6]).then(|| task.started_at = None);
    (!has[7]).then(|| task.containers.iter_mut().for_each(|container| container.network_bindings.clear()));
    self::seen(task, second)
}

/// Observations, and the same in another order, some of them more than once.
fn shuffled() -> impl Strategy<Value = (Vec<Change>, Vec<Change>)> {
    let twice = |seen: Vec<Observation>| {
        let more = subsequence(seen.clone(), 0..=seen.len());
        more.prop_flat_map(move |more| (Just(seen.clone()), Just([seen.clone(), more].concat()).prop_shuffle()))
    };
    (vec(state(), 5), vec(observation(), 1..12).prop_flat_map(twice)).prop_map(|(states, (seen, shuffled))| {
        let changes = |seen: Vec<Observation>| seen.iter().map(|seen| observed(&states, seen)).collect();
        (changes(seen), changes(shuffled))
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let service =
        (select(vec!["web", "api"]), 0..3_u32, 0..6_u32, any::<bool>()).prop_map(|(name, group, n, active)| {
            let classic = LoadBalancerRef::LoadBalancerName(LoadBalancerId("classic".into()));
            let mut service = if group == 0 { service(name) } else { Service { ..service_in(group) } };
            service.task_definition = (n > 0).then(|| definition_arn(n % 3));
            service.status = if n < 5 || active { ServiceStatus::Active } else { ServiceStatus::Inactive };
            service.load_balancers.extend((n > 3).then_some(classic));
            Resource::Service(service)
        });
    let instance = (0..3_u32, 0..3_u32, 0..5_u64, any::<bool>(), 0..4_u8).prop_map(|(n, ec2, version, has, state)| {
        let status = if state == 0 { ContainerInstanceStatus::Inactive } else { ContainerInstanceStatus::Active };
        let version = has.then_some(version);
        Resource::ContainerInstance(ContainerInstance {
            ec2_instance_id: machine_id(ec2),
            version,
            status,
            ..instance(n, 0)
        })
    });
    let machine = (0..3_u32, any::<bool>()).prop_map(|(n, v4)| {
        let machine = machine(n);
        Resource::Ec2Instance(Ec2Instance { private_ipv4: machine.private_ipv4.filter(|_| v4), ..machine })
    });
    let group = (0..3_u32, 0..3_u32).prop_map(|(n, balancer)| {
        Resource::TargetGroup(TargetGroup { load_balancers: vec![balancer_arn(balancer)], ..group(n) })
    });
    let balancer = (0..3_u32).prop_map(|n| Resource::LoadBalancer(balancer(balancer_arn(n), "lb.example")));
    let versioned = (state(), 0..4_u32, proptest::option::of(0..5_u64))
        .prop_map(|(state, n, version)| Resource::Task(Task { arn: task_arn(n), version, ..state }));
    prop_oneof![
        6 => versioned,
        3 => service,
        3 => instance,
        2 => machine,
        2 => group,
        1 => balancer,
        1 => (0..3_u32).prop_map(|n| Resource::TaskDefinition(definition(n))),
        1 => select(vec!["prod", "staging"]).prop_map(|name| Resource::Cluster(cluster(name))),
    ]
}

fn id() -> impl Strategy<Value = ResourceId> {
    prop_oneof![
        1 => Just(ResourceId::Cluster(prod())),
        3 => (0..4_u32).prop_map(|n| ResourceId::Task(task_arn(n))),
        3 => select(vec!["web", "api"]).prop_map(|name| ResourceId::Service(key(name))),
        3 => (0..3_u32).prop_map(|n| ResourceId::ContainerInstance(instance_arn(n))),
        2 => (0..3_u32).prop_map(|n| ResourceId::Ec2Instance(machine_id(n))),
        2 => (0..3_u32).prop_map(|n| ResourceId::TargetGroup(group_arn(n))),
        2 => (0..3_u32).prop_map(|n| ResourceId::LoadBalancer(balancer_arn(n))),
    ]
}

fn reset() -> impl Strategy<Value = Change> {
    let scopes = vec![Scope::Clusters, Scope::Services(prod()), Scope::ContainerInstances(prod())];
    // Now and then so late that what is old is pruned.
    let second = prop_oneof![4 => 0..30_i64, 1 => 10_800..10_840_i64];
    (select(scopes), proptest::collection::btree_set(id(), 0..4), second)
        .prop_map(|(scope, ids, second)| Change::Reset { scope, ids, at: at(second) })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (resource(), 0..30_i64).prop_map(|(resource, second)| apply(resource, second)),
        2 => (id(), 0..30_i64).prop_map(|(id, second)| Change::Delete { id, at: at(second) }),
        1 => reset(),
        2 => (select(vec!["prod", "staging"]), 0..4_u8).prop_map(|(name, draw)| match draw {
            0 => Change::Unsynced { cluster: cluster_arn(name) },
            _ => Change::Synced { cluster: cluster_arn(name) },
        }),
    ]
}

/// Everything that has a time of its own, and that a list may delete.
fn seen_since(inventory: &Inventory, second: i64) -> BTreeSet<String> {
    let since = at(second);
    let clusters = inventory.clusters.iter().filter(|(_, record)| record.at >= since).map(|(arn, _)| arn.to_string());
    let services =
        inventory.services.iter().filter(|(_, record)| record.at >= since).map(|(key, _)| format!("{key:?}"));
    let tasks = inventory.tasks.iter().filter(|(_, record)| record.at >= since).map(|(arn, _)| arn.to_string());
    // One that is INACTIVE is remembered for its tasks alone, and goes with them.
    let in_use = |record: &Observed<ContainerInstance>| record.value.status != ContainerInstanceStatus::Inactive;
    let hosts = inventory.container_instances.iter().filter(|(_, record)| record.at >= since && in_use(record));
    let machines = inventory.ec2_instances.iter().filter(|(_, record)| record.at >= since);
    let names = clusters.chain(services).chain(tasks).chain(hosts.map(|(arn, _)| arn.to_string()));
    names.chain(machines.map(|(id, _)| id.to_string())).collect()
}

proptest! {
    #[test]
    fn any_order_and_any_duplication_of_versioned_changes_ends_the_same((seen, shuffled) in shuffled()) {
        let (once, again) = (World::after(seen).0, World::after(shuffled).0);
        prop_assert_eq!(&once, &again);
        prop_assert_eq!(&once.links, &links_of(&once));
    }

    #[test]
    fn links_are_those_of_a_rebuild_after_any_history(history in vec(change(), 0..60)) {
        let mut world = World::default();
        for change in history {
            let _ = world.step(change);
            prop_assert_eq!(&world.0.links, &links_of(&world.0));
        }
    }

    #[test]
    fn an_inventory_is_the_same_after_a_restart(history in vec(change(), 0..60)) {
        let before = World::after(history).0;
        let saved = Saved::of(&before, &BTreeMap::new());
        let mut lines = Vec::new();
        saved.write(&mut lines).expect("it can be written");
        // Versions before wrote all of it in one line.
        for text in [String::from_utf8(lines).expect("JSON"), serde_json::to_string(&saved).expect("JSON")] {
            let read = Saved::read_from(&text, one_by_one).expect("and read again");
            prop_assert_eq!(read.into_inventory(at(20_000)), before.clone());
        }
    }

    #[test]
    fn a_change_twice_is_a_change_once(history in vec(change(), 0..40), change in change()) {
        let mut world = World::after(history);
        let _ = world.step(change.clone());
        let once = world.0.clone();
        let outcome = world.step(change);
        prop_assert!(!matches!(outcome, Outcome::Changed(_)), "{:?}", outcome);
        prop_assert_eq!(world.0, once);
    }

    #[test]
    fn a_list_deletes_nothing_that_was_seen_after_it_began(history in vec(change(), 0..40), second in 0..30_i64) {
        let mut world = World::after(history);
        let scopes = [Scope::Services(prod()), Scope::ContainerInstances(prod()), Scope::Clusters];
        for scope in scopes {
            let (before, tasks) = (seen_since(&world.0, second), world.0.tasks.len());
            let clusters = matches!(scope, Scope::Clusters);
            let _ = world.step(Change::Reset { scope, ids: BTreeSet::new(), at: at(second) });
            prop_assert_eq!(before, seen_since(&world.0, second));
            prop_assert!(clusters || tasks == world.0.tasks.len());
        }
    }

    #[test]
    fn whoever_is_not_named_as_changed_looks_the_same(history in vec(change(), 0..40), change in change()) {
        let mut world = World::after(history);
        let before = views::of(&world.0);
        let named = match world.step(change) {
            Outcome::Changed(subjects) => subjects,
            Outcome::Unchanged | Outcome::Stale => BTreeSet::new(),
        };
        let now = views::of(&world.0);
        for subject in before.keys().chain(now.keys()) {
            prop_assert!(before.get(subject) == now.get(subject) || named.contains(subject), "{:?}", subject);
        }
    }
}
