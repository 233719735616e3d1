//! Questions that others ask of the inventory.

use super::{Inventory, ServiceKey, TaskRecord};
use crate::ecs::{ContainerInstanceArn, Ec2Instance};

/// How much is in the inventory, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clusters.
    pub clusters: usize,
    /// Clusters of which a complete pass is through.
    pub synced_clusters: usize,
    /// Services that are not INACTIVE.
    pub services: usize,
    /// Tasks that have not stopped.
    pub tasks: usize,
    /// Container instances that are not INACTIVE.
    pub container_instances: usize,
}

impl Inventory {
    /// The tasks of a service, in the order of their ARNs.
    pub fn tasks_of(&self, service: &ServiceKey) -> impl Iterator<Item = &TaskRecord> {
        self.links
            .tasks_of
            .get(service)
            .into_iter()
            .flatten()
            .filter_map(|arn| self.tasks.get(arn).map(|record| &**record))
    }

    /// The tasks on a host, in the order of their ARNs.
    pub fn tasks_on(&self, instance: &ContainerInstanceArn) -> impl Iterator<Item = &TaskRecord> {
        self.links
            .tasks_on
            .get(instance)
            .into_iter()
            .flatten()
            .filter_map(|arn| self.tasks.get(arn).map(|record| &**record))
    }

    /// The machine below a container instance, if both are known.
    #[must_use]
    pub fn machine_of(&self, instance: &ContainerInstanceArn) -> Option<&Ec2Instance> {
        let instance = self.container_instances.get(instance)?;
        self.ec2_instances.get(&instance.value.ec2_instance_id).map(|machine| &machine.value)
    }

    /// The numbers for metrics. Walks the clusters only.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            clusters: self.clusters.len(),
            synced_clusters: self.clusters.values().filter(|record| record.synced).count(),
            services: self.services.len(),
            tasks: self.tasks.len(),
            container_instances: self.container_instances.len(),
        }
    }
}
