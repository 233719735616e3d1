//! One change applied to the inventory: pure, total, deterministic.
//!
//! What is older than what we know loses. Tasks and container instances are ordered by their version; everything
//! else, and what has no version, by the start of the request. The cost follows what the change touches: one task
//! costs a few look-ups, whatever the size of its cluster.

mod balancers;
mod clusters;
mod hosts;
mod services;
mod sweep;
mod tasks;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Inventory, Observed, Outcome, Resource, ResourceId, Subject};
use crate::ecs::Timestamp;

/// Applies `change` and says whose names it may have changed.
///
/// - `Changed` holds exactly those subjects, and none if nobody refers to what changed.
/// - `Unchanged` may still have moved the time at which something was last seen, which guards it against resets.
/// - References to what is not known are fine: resources arrive in any order.
#[must_use]
pub fn reduce(mut inventory: Inventory, change: Change) -> (Inventory, Outcome) {
    let outcome = match change {
        Change::Apply { resource, at } => apply(&mut inventory, resource, at),
        Change::Delete { id, at } => delete(&mut inventory, &id, at),
        Change::Reset { scope, ids, at } => sweep::reset(&mut inventory, &scope, &ids, at),
        Change::Health { task, containers, at } => tasks::health(&mut inventory, &task, containers, at),
        Change::Synced { cluster } => clusters::synced(&mut inventory, cluster, true),
        Change::Unsynced { cluster } => clusters::synced(&mut inventory, cluster, false),
    };
    (inventory, outcome)
}

fn apply(inventory: &mut Inventory, resource: Resource, at: Timestamp) -> Outcome {
    match resource {
        Resource::Cluster(cluster) => clusters::apply(inventory, cluster, at),
        Resource::Service(service) => services::apply(inventory, service, at),
        Resource::Task(task) => tasks::apply(inventory, task, at),
        Resource::TaskDefinition(definition) => services::apply_definition(inventory, definition),
        Resource::ContainerInstance(instance) => hosts::apply(inventory, instance, at),
        Resource::Ec2Instance(machine) => hosts::apply_machine(inventory, machine, at),
        Resource::TargetGroup(group) => balancers::apply_group(inventory, group, at),
        Resource::LoadBalancer(balancer) => balancers::apply(inventory, balancer, at),
    }
}

fn delete(inventory: &mut Inventory, id: &ResourceId, at: Timestamp) -> Outcome {
    match id {
        ResourceId::Cluster(arn) => clusters::delete(inventory, arn, at),
        ResourceId::Service(key) => services::delete(inventory, key, at),
        ResourceId::Task(arn) => tasks::delete(inventory, arn, at),
        ResourceId::ContainerInstance(arn) => hosts::delete(inventory, arn, at),
        ResourceId::Ec2Instance(id) => hosts::delete_machine(inventory, id, at),
        ResourceId::TargetGroup(arn) => balancers::delete_group(inventory, arn, at),
        ResourceId::LoadBalancer(id) => balancers::delete(inventory, id, at),
    }
}

/// What came of an observation that is ordered by time alone.
enum Observation<T> {
    /// Older than what we know.
    Stale,
    /// As we know it; only the time moved.
    Same,
    /// Something is different; this is what was known before.
    Different(Option<T>),
}

/// Puts `value` in its place unless what is there was seen later.
fn observe<K: Ord, T: PartialEq>(
    known: &mut BTreeMap<K, Observed<T>>,
    key: K,
    value: T,
    at: Timestamp,
) -> Observation<T> {
    let Some(record) = known.get_mut(&key) else {
        known.insert(key, Observed { value, at });
        return Observation::Different(None);
    };
    if record.at > at {
        return Observation::Stale;
    }
    record.at = at;
    if record.value == value {
        return Observation::Same;
    }
    Observation::Different(Some(std::mem::replace(&mut record.value, value)))
}

/// Why a deletion does nothing, if it does nothing: what it means was seen later, or is not there.
fn keeps<K: Ord, T>(known: &BTreeMap<K, Observed<T>>, key: &K, at: Timestamp) -> Option<Outcome> {
    match known.get(key) {
        None => Some(Outcome::Unchanged),
        Some(record) if record.at > at => Some(Outcome::Stale),
        Some(_) => None,
    }
}

fn changed(subjects: impl IntoIterator<Item = Subject>) -> Outcome {
    Outcome::Changed(subjects.into_iter().collect())
}

/// Changed if anything was touched.
fn touched(subjects: BTreeSet<Subject>) -> Outcome {
    if subjects.is_empty() { Outcome::Unchanged } else { Outcome::Changed(subjects) }
}
