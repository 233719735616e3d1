//! Target groups and load balancers, ordered by time.
//!
//! One that vanished from the API is kept for as long as a service declares it: the service's name must lead to the
//! last known load balancer, never to tasks, which listen on other ports.

use std::collections::BTreeSet;

use super::{Observation, changed, keeps, observe};
use crate::ecs::{LoadBalancer, LoadBalancerId, TargetGroup, TargetGroupArn, Timestamp};
use crate::inventory::links::Link;
use crate::inventory::{Inventory, Outcome, Subject};

pub(super) fn apply_group(inventory: &mut Inventory, group: TargetGroup, at: Timestamp) -> Outcome {
    let now = group.clone();
    match observe(&mut inventory.target_groups, now.arn.clone(), group, at) {
        Observation::Stale => return Outcome::Stale,
        Observation::Same => return Outcome::Unchanged,
        Observation::Different(None) => {}
        Observation::Different(Some(before)) => inventory.links.target_group(Link::Remove, &before),
    }
    inventory.links.target_group(Link::Add, &now);
    changed(services_in(inventory, &now.arn))
}

pub(super) fn delete_group(inventory: &mut Inventory, arn: &TargetGroupArn, at: Timestamp) -> Outcome {
    if let Some(outcome) = keeps(&inventory.target_groups, arn, at) {
        return outcome;
    }
    if inventory.links.services_in.contains_key(arn) {
        return Outcome::Unchanged;
    }
    remove_group(inventory, arn);
    changed([])
}

pub(super) fn remove_group(inventory: &mut Inventory, arn: &TargetGroupArn) {
    if let Some(record) = inventory.target_groups.remove(arn) {
        inventory.links.target_group(Link::Remove, &record.value);
    }
}

pub(super) fn apply(inventory: &mut Inventory, balancer: LoadBalancer, at: Timestamp) -> Outcome {
    let id = balancer.id.clone();
    match observe(&mut inventory.load_balancers, id.clone(), balancer, at) {
        Observation::Stale => Outcome::Stale,
        Observation::Same => Outcome::Unchanged,
        Observation::Different(_) => {
            changed(inventory.links.services_of_load_balancer(&id).cloned().map(Subject::Service))
        }
    }
}

pub(super) fn delete(inventory: &mut Inventory, id: &LoadBalancerId, at: Timestamp) -> Outcome {
    if let Some(outcome) = keeps(&inventory.load_balancers, id, at) {
        return outcome;
    }
    if inventory.links.services_of_load_balancer(id).next().is_some() {
        return Outcome::Unchanged;
    }
    inventory.load_balancers.remove(id);
    changed([])
}

fn services_in(inventory: &Inventory, arn: &TargetGroupArn) -> BTreeSet<Subject> {
    inventory.links.services_in.get(arn).into_iter().flatten().cloned().map(Subject::Service).collect()
}
