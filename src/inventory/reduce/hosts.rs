//! Hosts: container instances, guarded by version as tasks are, and the machines below them, by time.

use std::collections::BTreeSet;

use super::{Observation, changed, keeps, observe, tasks};
use crate::ecs::{
    ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Ec2State, Timestamp,
};
use crate::inventory::links::Link;
use crate::inventory::merge::Age;
use crate::inventory::{Inventory, Observed, Outcome, Subject};

pub(super) fn apply(inventory: &mut Inventory, mut instance: ContainerInstance, mut at: Timestamp) -> Outcome {
    let arn = instance.arn.clone();
    if let Some(record) = inventory.container_instances.get_mut(&arn) {
        let returns = record.value.status == ContainerInstanceStatus::Inactive && at > record.at;
        let age = match Age::of((instance.version, at), (record.value.version, record.at)) {
            // Absence has no version: one that is back has the version that it had before.
            Age::Same if returns => Age::Newer,
            age => age,
        };
        at = at.max(record.at);
        record.at = at;
        match age {
            Age::Older => return Outcome::Stale,
            Age::Same => return Outcome::Unchanged,
            Age::Newer => instance.version = instance.version.or(record.value.version),
        }
    }
    if instance.status == ContainerInstanceStatus::Inactive {
        return retire(inventory, &arn);
    }
    inventory.links.container_instance(Link::Add, &instance);
    let record = Observed { value: instance.clone(), at };
    let Some(mut before) = inventory.container_instances.insert(arn.clone(), record) else {
        return changed(subjects(inventory, &arn));
    };
    if before.value.ec2_instance_id != instance.ec2_instance_id {
        inventory.links.container_instance(Link::Remove, &before.value);
    }
    // A version that is only higher changes no name.
    before.value.version = instance.version;
    if before.value == instance { Outcome::Unchanged } else { changed(subjects(inventory, &arn)) }
}

pub(super) fn delete(inventory: &mut Inventory, arn: &ContainerInstanceArn, at: Timestamp) -> Outcome {
    keeps(&inventory.container_instances, arn, at).unwrap_or_else(|| retire(inventory, arn))
}

/// Takes a container instance out of use. While tasks are on it, it is remembered as INACTIVE: a task whose host is
/// gone must not look like one whose host we have not heard of.
pub(super) fn retire(inventory: &mut Inventory, arn: &ContainerInstanceArn) -> Outcome {
    if !inventory.links.tasks_on.contains_key(arn) {
        return if remove(inventory, arn) { changed(subjects(inventory, arn)) } else { Outcome::Unchanged };
    }
    let Some(record) = inventory.container_instances.get_mut(arn) else { return Outcome::Unchanged };
    if record.value.status == ContainerInstanceStatus::Inactive {
        return Outcome::Unchanged;
    }
    record.value.status = ContainerInstanceStatus::Inactive;
    changed(subjects(inventory, arn))
}

/// Forgets a container instance that was only remembered for a task that has just left it.
pub(super) fn forget(inventory: &mut Inventory, arn: &ContainerInstanceArn) {
    let record = inventory.container_instances.get(arn);
    let retired = record.is_some_and(|record| record.value.status == ContainerInstanceStatus::Inactive);
    if retired && !inventory.links.tasks_on.contains_key(arn) {
        remove(inventory, arn);
    }
}

/// Removes a container instance; its tasks stay until they stop, and the machine is remembered for a while, since the
/// agent may register it anew. Returns whether it was there.
pub(super) fn remove(inventory: &mut Inventory, arn: &ContainerInstanceArn) -> bool {
    let Some(record) = inventory.container_instances.remove(arn) else { return false };
    inventory.links.container_instance(Link::Remove, &record.value);
    true
}

pub(super) fn apply_machine(inventory: &mut Inventory, machine: Ec2Instance, at: Timestamp) -> Outcome {
    let id = machine.id.clone();
    match observe(&mut inventory.ec2_instances, id.clone(), machine, at) {
        Observation::Stale => Outcome::Stale,
        Observation::Same => Outcome::Unchanged,
        Observation::Different(_) => changed(machine_subjects(inventory, &id)),
    }
}

/// A machine that EC2 does not return any more counts as terminated, for as long as a container instance is
/// registered on it: a host that we know to be gone takes its tasks out, one that we know nothing of would not.
pub(super) fn delete_machine(inventory: &mut Inventory, id: &Ec2InstanceId, at: Timestamp) -> Outcome {
    if inventory.links.instances_on.contains_key(id) {
        let known = inventory.ec2_instances.get(id).and_then(|record| record.value.availability_zone.clone());
        let gone = Ec2Instance {
            id: id.clone(),
            state: Ec2State::Terminated,
            private_ipv4: None,
            ipv6: None,
            availability_zone: known,
        };
        return apply_machine(inventory, gone, at);
    }
    if let Some(outcome) = keeps(&inventory.ec2_instances, id, at) {
        return outcome;
    }
    inventory.ec2_instances.remove(id);
    changed([])
}

/// The host and everything that has its address.
pub(super) fn subjects(inventory: &Inventory, arn: &ContainerInstanceArn) -> BTreeSet<Subject> {
    let tasks = inventory.tasks_on(arn).map(|record| tasks::subject(&record.task));
    tasks.chain([Subject::Host(arn.clone())]).collect()
}

fn machine_subjects(inventory: &Inventory, id: &Ec2InstanceId) -> BTreeSet<Subject> {
    let instances = inventory.links.instances_on.get(id).into_iter().flatten();
    instances.flat_map(|arn| subjects(inventory, arn)).collect()
}
