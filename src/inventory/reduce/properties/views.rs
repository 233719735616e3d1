//! All that the names of a subject can be made of, found by search and not by links.

use std::collections::BTreeMap;

use super::super::tasks::subject;
use crate::ecs::{
    ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, LoadBalancerRef, Service, Task,
    TaskDefinitionArn, TaskStatus,
};
use crate::inventory::{Inventory, Observed, Subject};

/// What each subject looks like. Versions and times do not show in names.
pub fn of(inventory: &Inventory) -> BTreeMap<Subject, Vec<String>> {
    let mut views: BTreeMap<Subject, Vec<String>> = BTreeMap::new();
    let mut see = |subject, what| views.entry(subject).or_default().push(what);
    for (arn, record) in &inventory.clusters {
        see(Subject::Cluster(arn.clone()), format!("{:?} {}", record.cluster, record.synced));
    }
    for (key, record) in &inventory.services {
        see(Subject::Service(key.clone()), service(inventory, &record.value));
    }
    for record in inventory.tasks.values() {
        see(subject(&record.task), task(inventory, &record.task));
    }
    // One that is remembered for its tasks alone has no name of its own.
    let retired = |record: &Observed<ContainerInstance>| record.value.status == ContainerInstanceStatus::Inactive;
    for (arn, _) in inventory.container_instances.iter().filter(|(_, record)| !retired(record)) {
        see(Subject::Host(arn.clone()), host(inventory, arn));
    }
    views
}

fn service(inventory: &Inventory, service: &Service) -> String {
    let definition = service.task_definition.as_ref().map(|arn| definition(inventory, arn));
    let declared = service.declared_load_balancers().map(|declared| match declared {
        LoadBalancerRef::LoadBalancerName(id) => {
            format!("{:?}", inventory.load_balancers.get(id).map(|record| &record.value))
        }
        LoadBalancerRef::TargetGroup(arn) => {
            let group = inventory.target_groups.get(arn).map(|record| &record.value);
            let balancers = group.into_iter().flat_map(|group| &group.load_balancers);
            let known = balancers.map(|id| inventory.load_balancers.get(id).map(|record| &record.value));
            format!("{group:?} {:?}", known.collect::<Vec<_>>())
        }
    });
    format!("{service:?} {definition:?} {:?}", declared.collect::<Vec<_>>())
}

fn task(inventory: &Inventory, task: &Task) -> String {
    assert_ne!(task.last_status, TaskStatus::Stopped);
    let host = task.container_instance.as_ref().map(|arn| host(inventory, arn));
    let unversioned = Task { version: None, ..task.clone() };
    format!("{unversioned:?} {host:?} {}", definition(inventory, &task.task_definition))
}

fn host(inventory: &Inventory, arn: &ContainerInstanceArn) -> String {
    let unversioned = |instance: &ContainerInstance| ContainerInstance { version: None, ..instance.clone() };
    let instance = inventory.container_instances.get(arn).map(|record| unversioned(&record.value));
    format!("{instance:?} {:?}", inventory.machine_of(arn))
}

fn definition(inventory: &Inventory, arn: &TaskDefinitionArn) -> String {
    format!("{:?}", inventory.task_definitions.get(arn))
}
