//! Services, ordered by time since they have no version, and the task definitions that they and tasks use.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Observation, changed, keeps, observe, tasks};
use crate::ecs::{Service, ServiceStatus, TaskDefinition, TaskDefinitionArn, Timestamp};
use crate::inventory::links::Link;
use crate::inventory::{Inventory, Outcome, ServiceKey, Subject};

pub(super) fn apply(inventory: &mut Inventory, service: Service, at: Timestamp) -> Outcome {
    let key = ServiceKey::new(&service.cluster, &service.name);
    if service.status == ServiceStatus::Inactive {
        return delete(inventory, &key, at);
    }
    let now = service.clone();
    let before = match observe(&mut inventory.services, key.clone(), service, at) {
        Observation::Stale => return Outcome::Stale,
        Observation::Same => return Outcome::Unchanged,
        Observation::Different(before) => before,
    };
    if let Some(before) = &before {
        inventory.links.service(Link::Remove, &key, before);
    }
    inventory.links.service(Link::Add, &key, &now);
    if let Some(definition) = before.and_then(|before| before.task_definition) {
        inventory.forget_definition(&definition);
    }
    changed([Subject::Service(key)])
}

/// The tasks of a deleted service stay until they stop.
pub(super) fn delete(inventory: &mut Inventory, key: &ServiceKey, at: Timestamp) -> Outcome {
    if let Some(outcome) = keeps(&inventory.services, key, at) {
        return outcome;
    }
    remove(inventory, key);
    changed([Subject::Service(key.clone())])
}

pub(super) fn remove(inventory: &mut Inventory, key: &ServiceKey) {
    let Some(record) = inventory.services.remove(key) else { return };
    inventory.links.service(Link::Remove, key, &record.value);
    if let Some(definition) = &record.value.task_definition {
        inventory.forget_definition(definition);
    }
}

/// A revision never changes, so the first reading of it is the last.
pub(super) fn apply_definition(inventory: &mut Inventory, definition: TaskDefinition) -> Outcome {
    if inventory.task_definitions.contains_key(&definition.arn) {
        return Outcome::Unchanged;
    }
    let (links, arn) = (&inventory.links, &definition.arn);
    let users = links.tasks_from.get(arn).into_iter().flatten().filter_map(|task| inventory.tasks.get(task));
    let mut subjects: BTreeSet<_> = users.map(|record| tasks::subject(&record.task)).collect();
    subjects.extend(links.services_from.get(arn).into_iter().flatten().cloned().map(Subject::Service));
    inventory.task_definitions.insert(definition.arn.clone(), Arc::new(definition));
    Outcome::Changed(subjects)
}

impl Inventory {
    /// Drops a definition that nobody uses any more.
    pub(super) fn forget_definition(&mut self, arn: &TaskDefinitionArn) {
        if !self.links.uses_definition(arn) {
            self.task_definitions.remove(arn);
        }
    }
}
