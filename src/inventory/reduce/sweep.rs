//! Resets: what a complete list did not hold goes, and with the occasion what nobody needs any more.
//!
//! The only part of `reduce` that walks the inventory. It runs once per list, not per change.

use std::collections::BTreeSet;
use std::ops::Bound;

use jiff::SignedDuration;

use super::{balancers, clusters as cluster_records, hosts, services, tasks, touched};
use crate::ecs::{ClusterArn, Timestamp};
use crate::inventory::{Inventory, Outcome, ResourceId, Scope, ServiceKey, Subject};

/// How long the stopped and the unreferenced are remembered. Longer than any event is late; AWS itself shows stopped
/// tasks for one hour.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(3);

/// Definitions without a user that are tolerated: they may have arrived before their tasks.
const SPARE_DEFINITIONS: usize = 1_000;

pub(super) fn reset(inventory: &mut Inventory, scope: &Scope, ids: &BTreeSet<ResourceId>, at: Timestamp) -> Outcome {
    let subjects = match scope {
        Scope::Clusters => {
            clusters(inventory, |cluster, seen| seen < at && !ids.contains(&ResourceId::Cluster(cluster.clone())))
        }
        Scope::Services(cluster) => reset_services(inventory, cluster, ids, at),
        Scope::ContainerInstances(cluster) => reset_instances(inventory, cluster, ids, at),
    };
    prune(inventory, at);
    touched(subjects)
}

/// Removes the clusters that are `gone` by their identity and the time they were last seen, and what was last seen in
/// them by the same measure. Tasks leave no tombstones: the cluster may only have been deselected.
pub(super) fn clusters(inventory: &mut Inventory, gone: impl Fn(&ClusterArn, Timestamp) -> bool) -> BTreeSet<Subject> {
    let mut subjects = cluster_records::remove(inventory, &gone);
    let lost = inventory.services.iter().filter(|(key, record)| gone(&key.cluster, record.at));
    for key in lost.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
        services::remove(inventory, &key);
        subjects.insert(Subject::Service(key));
    }
    let lost = inventory.tasks.iter().filter(|(_, record)| gone(&record.task.cluster, record.at));
    for arn in lost.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
        subjects.extend(tasks::remove(inventory, &arn).as_ref().map(tasks::subject));
    }
    let lost = inventory.container_instances.iter().filter(|(_, record)| gone(&record.value.cluster, record.at));
    for arn in lost.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
        subjects.extend(hosts::subjects(inventory, &arn));
        hosts::remove(inventory, &arn);
    }
    subjects
}

fn reset_services(
    inventory: &mut Inventory,
    cluster: &ClusterArn,
    ids: &BTreeSet<ResourceId>,
    at: Timestamp,
) -> BTreeSet<Subject> {
    let first = ServiceKey::new(cluster, "");
    let of_cluster = inventory.services.range((Bound::Included(first), Bound::Unbounded));
    let lost: Vec<_> = of_cluster
        .take_while(|(key, _)| key.cluster == *cluster)
        .filter(|(key, record)| record.at < at && !ids.contains(&ResourceId::Service((*key).clone())))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &lost {
        services::remove(inventory, key);
    }
    lost.into_iter().map(Subject::Service).collect()
}

fn reset_instances(
    inventory: &mut Inventory,
    cluster: &ClusterArn,
    ids: &BTreeSet<ResourceId>,
    at: Timestamp,
) -> BTreeSet<Subject> {
    let records = inventory.container_instances.iter();
    let lost: Vec<_> = records
        .filter(|(_, record)| record.value.cluster == *cluster && record.at < at)
        .map(|(arn, _)| arn.clone())
        .filter(|arn| !ids.contains(&ResourceId::ContainerInstance(arn.clone())))
        .collect();
    let mut subjects = BTreeSet::new();
    for arn in &lost {
        if let Outcome::Changed(mut touched) = hosts::retire(inventory, arn) {
            subjects.append(&mut touched);
        }
    }
    subjects
}

/// Forgets tombstones that are old, and resources that nobody refers to and nobody has seen lately.
fn prune(inventory: &mut Inventory, at: Timestamp) {
    let old = |seen: Timestamp| at.duration_since(seen) > REMEMBERED;
    inventory.tombstones.retain(|_, tombstone| !old(tombstone.at));
    let Inventory { links, ec2_instances, target_groups, load_balancers, task_definitions, .. } = inventory;
    ec2_instances.retain(|id, record| !old(record.at) || links.instances_on.contains_key(id));
    load_balancers.retain(|id, record| !old(record.at) || links.services_of_load_balancer(id).next().is_some());
    if task_definitions.len() > links.tasks_from.len() + links.services_from.len() + SPARE_DEFINITIONS {
        task_definitions.retain(|arn, _| links.uses_definition(arn));
    }
    let unused = target_groups.iter().filter(|(arn, record)| old(record.at) && !links.services_in.contains_key(arn));
    for arn in unused.map(|(arn, _)| arn.clone()).collect::<Vec<_>>() {
        balancers::remove_group(inventory, &arn);
    }
}
