//! The inventory as it is kept over a restart: everything that answers, and the order of observations, depend on.
//!
//! A [`Document`](super::Document) shows resources to people; this also has when each was seen, the guards of tasks and
//! their tombstones, so that what is too old for the inventory is too old for its successor. Who refers to whom is found
//! out anew. Times are kept in whole microseconds: observations after a restart are later by more than that.

#[cfg(test)]
mod tests;
pub mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::links::Link;
use super::{ClusterRecord, Field, Inventory, Observed, ServiceKey, TaskRecord, Tombstone};
use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, Ec2Instance, LoadBalancer, Service, TargetGroup, Task, TaskArn,
    TaskDefinition, Timestamp,
};

/// A time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Stamp(#[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")] Timestamp);

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedCluster {
    arn: ClusterArn,
    name: String,
    at: Stamp,
    synced: bool,
    /// When the last complete pass over it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<Stamp>,
}

/// A resource that is ordered by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen<T> {
    value: T,
    at: Stamp,
}

/// A task with its guards; what is left out is what it nearly always is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedTask {
    task: Task,
    at: Stamp,
    /// If it is another than `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifecycle_at: Option<Stamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    health_at: BTreeMap<String, Stamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    carried: Vec<(Field, u64)>,
}

/// A copy of an inventory that can be written and read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    clusters: Vec<SavedCluster>,
    services: Vec<Seen<Service>>,
    tasks: Vec<SavedTask>,
    task_definitions: Vec<Arc<TaskDefinition>>,
    container_instances: Vec<Seen<ContainerInstance>>,
    ec2_instances: Vec<Seen<Ec2Instance>>,
    target_groups: Vec<Seen<TargetGroup>>,
    load_balancers: Vec<Seen<LoadBalancer>>,
    tombstones: Vec<(TaskArn, Stamp)>,
}

impl Saved {
    /// Copies `inventory`; `read` says when the last complete pass over each cluster began.
    #[must_use]
    pub fn of(inventory: &Inventory, read: &BTreeMap<ClusterArn, Timestamp>) -> Self {
        fn seen<K, T: Clone>(known: &BTreeMap<K, Observed<T>>) -> Vec<Seen<T>> {
            known.values().map(|record| Seen { value: record.value.clone(), at: Stamp(record.at) }).collect()
        }
        let clusters = inventory.clusters.values().map(|record| SavedCluster {
            arn: record.cluster.arn.clone(),
            name: record.cluster.name.clone(),
            at: Stamp(record.at),
            synced: record.synced,
            read: read.get(&record.cluster.arn).copied().map(Stamp),
        });
        Self {
            clusters: clusters.collect(),
            services: seen(&inventory.services),
            tasks: inventory.tasks.values().map(|record| SavedTask::of(record)).collect(),
            task_definitions: inventory.task_definitions.values().cloned().collect(),
            container_instances: seen(&inventory.container_instances),
            ec2_instances: seen(&inventory.ec2_instances),
            target_groups: seen(&inventory.target_groups),
            load_balancers: seen(&inventory.load_balancers),
            tombstones: inventory.tombstones.iter().map(|(arn, stone)| (arn.clone(), Stamp(stone.at))).collect(),
        }
    }

    /// The clusters that were published, with their names and when the last complete pass over each began. One that
    /// was never read is not among them.
    pub fn read(&self) -> impl Iterator<Item = (&ClusterArn, &str, Timestamp)> {
        let published = self.clusters.iter().filter(|cluster| cluster.synced);
        published.filter_map(|cluster| Some((&cluster.arn, cluster.name.as_str(), cluster.read?.0)))
    }

    /// The inventory. A time that is after `now`, of a clock that was wrong, becomes `now`: it would keep out all that
    /// is seen until then.
    #[must_use]
    pub fn into_inventory(self, now: Timestamp) -> Inventory {
        let past = |Stamp(at): Stamp| at.min(now);
        let mut inventory = Inventory {
            clusters: self.clusters.into_iter().map(|saved| saved.record(past)).collect(),
            services: by_key(self.services, past, |service| ServiceKey::new(&service.cluster, &service.name)),
            tasks: BTreeMap::new(),
            task_definitions: self.task_definitions.into_iter().map(|known| (known.arn.clone(), known)).collect(),
            container_instances: by_key(self.container_instances, past, |instance| instance.arn.clone()),
            ec2_instances: by_key(self.ec2_instances, past, |machine| machine.id.clone()),
            target_groups: by_key(self.target_groups, past, |group| group.arn.clone()),
            load_balancers: by_key(self.load_balancers, past, |balancer| balancer.id.clone()),
            tombstones: self.tombstones.into_iter().map(|(arn, at)| (arn, Tombstone { at: past(at) })).collect(),
            links: super::Links::default(),
        };
        let tasks = self.tasks.into_iter().map(|saved| {
            let mut record = saved.record(past);
            record.task = inventory.with_shared_names(record.task);
            inventory.links.task(Link::Add, &record.task);
            (record.task.arn.clone(), Box::new(record))
        });
        // They come in order, so the map is built from below.
        inventory.tasks = tasks.collect();
        let Inventory { links, services, container_instances, target_groups, .. } = &mut inventory;
        services.iter().for_each(|(key, record)| links.service(Link::Add, key, &record.value));
        container_instances.values().for_each(|record| links.container_instance(Link::Add, &record.value));
        target_groups.values().for_each(|record| links.target_group(Link::Add, &record.value));
        inventory
    }
}

impl SavedCluster {
    fn record(self, past: impl Fn(Stamp) -> Timestamp) -> (ClusterArn, ClusterRecord) {
        let cluster = Cluster { arn: self.arn, name: self.name };
        (cluster.arn.clone(), ClusterRecord { cluster, at: past(self.at), synced: self.synced })
    }
}

impl SavedTask {
    fn of(record: &TaskRecord) -> Self {
        Self {
            task: record.task.clone(),
            at: Stamp(record.at),
            lifecycle_at: (record.lifecycle_at != record.at).then_some(Stamp(record.lifecycle_at)),
            health_at: record.health_at.iter().map(|(name, at)| (name.clone(), Stamp(*at))).collect(),
            carried: record.carried.iter().map(|(field, version)| (field.clone(), *version)).collect(),
        }
    }

    fn record(self, past: impl Fn(Stamp) -> Timestamp) -> TaskRecord {
        TaskRecord {
            at: past(self.at),
            lifecycle_at: past(self.lifecycle_at.unwrap_or(self.at)),
            health_at: self.health_at.into_iter().map(|(name, at)| (name, past(at))).collect(),
            carried: self.carried.into_iter().collect(),
            task: self.task,
        }
    }
}

fn by_key<K: Ord, T>(
    saved: Vec<Seen<T>>,
    past: impl Fn(Stamp) -> Timestamp,
    key: impl Fn(&T) -> K,
) -> BTreeMap<K, Observed<T>> {
    saved.into_iter().map(|Seen { value, at }| (key(&value), Observed { value, at: past(at) })).collect()
}
