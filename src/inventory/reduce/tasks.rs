//! Tasks: merged while they live, remembered for a while when they have stopped.

use super::{changed, hosts};
use crate::ecs::{Health, Task, TaskArn, Timestamp};
use crate::inventory::links::Link;
use crate::inventory::merge::Age;
use crate::inventory::{Inventory, Outcome, ServiceKey, Subject, TaskRecord, Tombstone};

/// Tombstones that are kept at most. More than any account stops within the hours that they last.
const TOMBSTONES: usize = 200_000;

/// How many of the oldest go when there are too many: all at once, so that each costs little on average.
const TOMBSTONES_DROPPED: usize = TOMBSTONES / 10;

pub(super) fn apply(inventory: &mut Inventory, task: Task, at: Timestamp) -> Outcome {
    if let Some(tombstone) = inventory.tombstones.get_mut(&task.arn) {
        if task.last_status.is_final() {
            tombstone.at = tombstone.at.max(at);
        }
        return Outcome::Stale;
    }
    if task.last_status.is_final() {
        return bury(inventory, &task.arn, at);
    }
    let Some(record) = inventory.tasks.get_mut(&task.arn) else {
        let record = Box::new(TaskRecord::new(inventory.with_shared_names(task), at));
        let subject = subject(&record.task);
        inventory.links.task(Link::Add, &record.task);
        inventory.tasks.insert(record.task.arn.clone(), record);
        return changed([subject]);
    };
    let mut before = record.task.clone();
    let age = record.absorb(task, at);
    let now = &record.task;
    // A version that is only higher changes no name.
    before.version = now.version;
    if before == *now {
        return if age == Age::Older { Outcome::Stale } else { Outcome::Unchanged };
    }
    let subjects = [subject(&before), subject(now)];
    if refers_differently(&before, now) {
        inventory.links.task(Link::Remove, &before);
        inventory.links.task(Link::Add, now);
        if before.task_definition != now.task_definition {
            inventory.forget_definition(&before.task_definition);
        }
    }
    changed(subjects)
}

pub(super) fn health(
    inventory: &mut Inventory,
    arn: &TaskArn,
    containers: Vec<(String, Health)>,
    at: Timestamp,
) -> Outcome {
    let Some(record) = inventory.tasks.get_mut(arn) else { return Outcome::Unchanged };
    if record.learn_health(containers, at) { changed([subject(&record.task)]) } else { Outcome::Unchanged }
}

pub(super) fn delete(inventory: &mut Inventory, arn: &TaskArn, at: Timestamp) -> Outcome {
    match inventory.tasks.get(arn) {
        None => Outcome::Unchanged,
        Some(record) if record.at > at => Outcome::Stale,
        Some(_) => bury(inventory, arn, at),
    }
}

/// Removes a task that never comes back. One that we had not heard of leaves a tombstone, too: its RUNNING may still
/// be under way.
fn bury(inventory: &mut Inventory, arn: &TaskArn, at: Timestamp) -> Outcome {
    inventory.tombstones.insert(arn.clone(), Tombstone { at });
    if inventory.tombstones.len() > TOMBSTONES {
        drop_oldest_tombstones(inventory);
    }
    remove(inventory, arn).map_or(Outcome::Unchanged, |task| changed([subject(&task)]))
}

/// Removes a task without a trace.
pub(super) fn remove(inventory: &mut Inventory, arn: &TaskArn) -> Option<Task> {
    let record = inventory.tasks.remove(arn)?;
    inventory.links.task(Link::Remove, &record.task);
    inventory.forget_definition(&record.task.task_definition);
    if let Some(host) = &record.task.container_instance {
        hosts::forget(inventory, host);
    }
    Some(record.task)
}

impl Inventory {
    /// The same task, its references made those that are here already: one text for all tasks instead of one for each.
    pub(in crate::inventory) fn with_shared_names(&self, mut task: Task) -> Task {
        if let Some((cluster, _)) = self.clusters.get_key_value(&task.cluster) {
            task.cluster = cluster.clone();
        }
        if let Some((definition, _)) = self.links.tasks_from.get_key_value(&task.task_definition) {
            task.task_definition = definition.clone();
        }
        if let Some((instance, _)) =
            task.container_instance.as_ref().and_then(|arn| self.links.tasks_on.get_key_value(arn))
        {
            task.container_instance = Some(instance.clone());
        }
        task
    }
}

fn drop_oldest_tombstones(inventory: &mut Inventory) {
    let mut by_age: Vec<_> = inventory.tombstones.iter().map(|(arn, tombstone)| (tombstone.at, arn.clone())).collect();
    by_age.sort_unstable();
    for (_, arn) in by_age.into_iter().take(TOMBSTONES_DROPPED) {
        inventory.tombstones.remove(&arn);
    }
}

/// In whose names a task is.
pub(super) fn subject(task: &Task) -> Subject {
    ServiceKey::of_task(task).map_or_else(|| Subject::Task(task.arn.clone()), Subject::Service)
}

fn refers_differently(before: &Task, now: &Task) -> bool {
    before.group != now.group
        || before.container_instance != now.container_instance
        || before.task_definition != now.task_definition
}
