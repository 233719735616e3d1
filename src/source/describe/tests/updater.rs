//! A stand-in for the updater: takes every change at its word and remembers it.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::ecs::ClusterArn;
use crate::inventory::{Change, ClusterRecord, Inventory, Observed, Resource, ResourceId, ServiceKey, TaskRecord};
use crate::source::{Message, Updates};

pub(in crate::source) struct Updater {
    seen: Arc<Mutex<Vec<Change>>>,
    /// Clusters that passes were through.
    passed: Arc<Mutex<Vec<ClusterArn>>>,
}

impl Updater {
    pub(in crate::source) fn start() -> (Self, Updates) {
        let (updates, messages) = Updates::channel();
        let (seen, passed) = (Arc::default(), Arc::default());
        tokio::spawn(work(messages, Arc::clone(&seen), Arc::clone(&passed)));
        (Self { seen, passed }, updates)
    }

    /// The changes since this was last asked.
    pub(super) fn seen(&self) -> Vec<Change> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The clusters that passes were through since this was last asked.
    pub(super) fn passed(&self) -> Vec<ClusterArn> {
        std::mem::take(&mut self.passed.lock().unwrap())
    }
}

async fn work(
    mut messages: mpsc::Receiver<Message>,
    seen: Arc<Mutex<Vec<Change>>>,
    passed: Arc<Mutex<Vec<ClusterArn>>>,
) {
    let mut inventory = Inventory::default();
    while let Some(message) = messages.recv().await {
        match message {
            Message::Ask(look) => look(&inventory),
            Message::Hosted(..) | Message::Remark(_) | Message::Configure(..) => panic!("only ECS is read here"),
            Message::Passed(cluster, done) => {
                passed.lock().unwrap().push(cluster);
                let _ = done.send(());
            }
            Message::Deliver(delivery) => {
                for change in delivery.changes {
                    believe(&mut inventory, &change);
                    seen.lock().unwrap().push(change);
                }
                if let Some(done) = delivery.done {
                    let _ = done.send(());
                }
            }
        }
    }
}

fn believe(inventory: &mut Inventory, change: &Change) {
    match change.clone() {
        Change::Apply { resource, at } => apply(inventory, resource, at),
        Change::Delete { id, .. } => delete(inventory, &id),
        Change::Reset { .. } | Change::Health { .. } | Change::Synced { .. } | Change::Unsynced { .. } => {}
    }
}

fn apply(inventory: &mut Inventory, resource: Resource, at: crate::ecs::Timestamp) {
    match resource {
        Resource::Cluster(cluster) => {
            inventory.clusters.insert(cluster.arn.clone(), ClusterRecord { cluster, at, synced: false });
        }
        Resource::Service(value) => {
            let key = ServiceKey::new(&value.cluster, &value.name);
            inventory.services.insert(key, Observed { value, at });
        }
        Resource::Task(task) => {
            let record = TaskRecord::new(task, at);
            inventory.tasks.insert(record.task.arn.clone(), Box::new(record));
        }
        Resource::TaskDefinition(value) => {
            inventory.task_definitions.insert(value.arn.clone(), Arc::new(value));
        }
        Resource::ContainerInstance(value) => {
            inventory.container_instances.insert(value.arn.clone(), Observed { value, at });
        }
        Resource::Ec2Instance(value) => {
            inventory.ec2_instances.insert(value.id.clone(), Observed { value, at });
        }
        Resource::TargetGroup(value) => {
            inventory.target_groups.insert(value.arn.clone(), Observed { value, at });
        }
        Resource::LoadBalancer(value) => {
            inventory.load_balancers.insert(value.id.clone(), Observed { value, at });
        }
    }
}

fn delete(inventory: &mut Inventory, id: &ResourceId) {
    match id {
        ResourceId::Cluster(id) => drop(inventory.clusters.remove(id)),
        ResourceId::Service(id) => drop(inventory.services.remove(id)),
        ResourceId::Task(id) => drop(inventory.tasks.remove(id)),
        ResourceId::ContainerInstance(id) => drop(inventory.container_instances.remove(id)),
        ResourceId::Ec2Instance(id) => drop(inventory.ec2_instances.remove(id)),
        // The real one keeps what is declared.
        ResourceId::TargetGroup(_) | ResourceId::LoadBalancer(_) => {}
    }
}
