//! The inventory as a JSON document: what `dump --json` writes and the `fixture` source reads.
//!
//! Resources only. Times of observation, tombstones and links are this process's own and stay out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Change, Inventory, Observed, Resource, ResourceId};
use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, Ec2Instance, LoadBalancer, Service, TargetGroup, Task, TaskDefinition,
    Timestamp,
};

/// What the document is, and the version of its shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first.
    #[default]
    #[serde(rename = "ecs-resolver inventory 1")]
    V1,
}

/// A cluster of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentCluster {
    /// Identity.
    pub arn: ClusterArn,
    /// Name.
    pub name: String,
    /// Whether everything in it has been read, so that it may be published. Absent means yes.
    #[serde(default = "yes")]
    pub synced: bool,
}

fn yes() -> bool {
    true
}

/// All resources of an inventory. Lists may be left out; references to what is not there are fine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Always `ecs-resolver inventory 1`.
    pub format: Format,
    /// Clusters.
    #[serde(default)]
    pub clusters: Vec<DocumentCluster>,
    /// Services.
    #[serde(default)]
    pub services: Vec<Service>,
    /// Tasks.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Task definitions.
    #[serde(default)]
    pub task_definitions: Vec<TaskDefinition>,
    /// Container instances.
    #[serde(default)]
    pub container_instances: Vec<ContainerInstance>,
    /// The machines below them.
    #[serde(default)]
    pub ec2_instances: Vec<Ec2Instance>,
    /// Target groups.
    #[serde(default)]
    pub target_groups: Vec<TargetGroup>,
    /// Load balancers.
    #[serde(default)]
    pub load_balancers: Vec<LoadBalancer>,
}

impl Document {
    /// The resources of `inventory`, each list in the order of its identities.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        fn values<K, T: Clone>(known: &BTreeMap<K, Observed<T>>) -> Vec<T> {
            known.values().map(|record| record.value.clone()).collect()
        }
        let clusters = inventory.clusters.values().map(|record| DocumentCluster {
            arn: record.cluster.arn.clone(),
            name: record.cluster.name.clone(),
            synced: record.synced,
        });
        Self {
            format: Format::V1,
            clusters: clusters.collect(),
            services: values(&inventory.services),
            tasks: inventory.tasks.values().map(|record| record.task.clone()).collect(),
            task_definitions: inventory.task_definitions.values().map(|known| (**known).clone()).collect(),
            container_instances: values(&inventory.container_instances),
            ec2_instances: values(&inventory.ec2_instances),
            target_groups: values(&inventory.target_groups),
            load_balancers: values(&inventory.load_balancers),
        }
    }

    /// The changes that make an empty inventory this one, as seen `at`. What is referred to comes before who refers
    /// to it, and each synced cluster is declared so at the end.
    #[must_use]
    pub fn into_changes(self, at: Timestamp) -> Vec<Change> {
        let synced: Vec<_> = self.clusters.iter().filter(|cluster| cluster.synced).map(|it| it.arn.clone()).collect();
        let clusters = self.clusters.into_iter().map(|it| Resource::Cluster(Cluster { arn: it.arn, name: it.name }));
        clusters
            .chain(self.task_definitions.into_iter().map(Resource::TaskDefinition))
            .chain(self.load_balancers.into_iter().map(Resource::LoadBalancer))
            .chain(self.target_groups.into_iter().map(Resource::TargetGroup))
            .chain(self.ec2_instances.into_iter().map(Resource::Ec2Instance))
            .chain(self.container_instances.into_iter().map(Resource::ContainerInstance))
            .chain(self.services.into_iter().map(Resource::Service))
            .chain(self.tasks.into_iter().map(Resource::Task))
            .map(|resource| Change::Apply { resource, at })
            .chain(synced.into_iter().map(|cluster| Change::Synced { cluster }))
            .collect()
    }

    /// The changes that make an inventory of `before` this one, for a document that is a new truth and not a later
    /// observation: what it lacks is gone, fields that it lacks are cleared, versions do not count. Only a task that
    /// was STOPPED stays so. The changes belong in one delivery, since they start from nothing.
    #[must_use]
    pub fn replacing(self, before: &Self, at: Timestamp) -> Vec<Change> {
        let clusters = before.clusters.iter().map(|cluster| &cluster.arn);
        let clusters = clusters
            .chain(before.services.iter().map(|service| &service.cluster))
            .chain(before.tasks.iter().map(|task| &task.cluster))
            .chain(before.container_instances.iter().map(|instance| &instance.cluster))
            .collect::<BTreeSet<_>>();
        let clusters = clusters.into_iter().cloned().map(ResourceId::Cluster);
        // With the clusters their references are gone, and nothing keeps these any more.
        let gone = clusters
            .chain(before.ec2_instances.iter().map(|machine| ResourceId::Ec2Instance(machine.id.clone())))
            .chain(before.load_balancers.iter().map(|balancer| ResourceId::LoadBalancer(balancer.id.clone())))
            .chain(before.target_groups.iter().map(|group| ResourceId::TargetGroup(group.arn.clone())));
        let mut changes: Vec<_> = gone.map(|id| Change::Delete { id, at }).collect();
        changes.extend(self.into_changes(at));
        changes
    }
}
