//! What ECS says is running, as far as we have been told.
//!
//! One value, changed only through [`reduce`](reduce::reduce) by the updater. It holds no opinion on what is served:
//! that is the zone's. Ordered maps throughout, so that dumps, tests and golden files are deterministic.

pub mod bound;
pub mod change;
pub mod document;
pub mod drift;
pub mod links;
pub mod merge;
pub mod reduce;
pub mod saved;
pub mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, ContainerInstanceArn, Ec2Instance, Ec2InstanceId, LoadBalancer,
    LoadBalancerId, Service, TargetGroup, TargetGroupArn, Task, TaskArn, TaskDefinition, TaskDefinitionArn, Timestamp,
};

pub use change::{Change, Outcome, Resource, ResourceId, Scope, Subject};
pub use document::Document;
pub use links::Links;
pub use merge::Field;
pub use reduce::reduce;
pub use saved::Saved;
pub use views::Counts;

/// A service's identity in the inventory. ARNs of before 2018 lack the cluster, so cluster and name it is; tasks name
/// their service the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// Cluster.
    pub cluster: ClusterArn,
    /// Name of the service, case kept.
    pub name: Arc<str>,
}

impl ServiceKey {
    /// The key of the service `name` in `cluster`.
    #[must_use]
    pub fn new(cluster: &ClusterArn, name: &str) -> Self {
        Self { cluster: cluster.clone(), name: name.into() }
    }

    /// The service that a task belongs to, if any.
    #[must_use]
    pub fn of_task(task: &Task) -> Option<Self> {
        task.service_name().map(|name| Self::new(&task.cluster, name))
    }
}

/// A resource and when it was last seen: the start of the request that reported it, or an event's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<T> {
    /// What was seen.
    pub value: T,
    /// When.
    pub at: Timestamp,
}

/// A cluster and whether everything in it has been read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRecord {
    /// The cluster.
    pub cluster: Cluster,
    /// When it was last seen.
    pub at: Timestamp,
    /// Set by the first complete pass; until then nothing of it is published.
    pub synced: bool,
}

/// A task with the two guards that order its observations. Made by [`TaskRecord::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRecord {
    /// The task as merged from all observations; its containers in the order of their names.
    pub task: Task,
    /// When it was last seen, by any observation.
    pub at: Timestamp,
    /// When its life-cycle fields were reported, for observations without a version.
    pub lifecycle_at: Timestamp,
    /// For each container with a definite health (HEALTHY or UNHEALTHY), the start of the request that reported it.
    pub health_at: BTreeMap<String, Timestamp>,
    /// Fields that the newest observation lacked, and the version that they are from. Nearly always empty; without
    /// it, two older observations that arrive late would leave what came first instead of what is newer.
    pub carried: BTreeMap<Field, u64>,
}

/// What is remembered of a stopped task, so that a late RUNNING does not bring it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// When it was found stopped.
    pub at: Timestamp,
}

/// The inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Clusters.
    pub clusters: BTreeMap<ClusterArn, ClusterRecord>,
    /// Services that are not INACTIVE.
    pub services: BTreeMap<ServiceKey, Observed<Service>>,
    /// Tasks that have not stopped; boxed, since nodes of the map have room to spare, and a record is large.
    pub tasks: BTreeMap<TaskArn, Box<TaskRecord>>,
    /// Task definitions, kept as long as a task or service uses them.
    pub task_definitions: BTreeMap<TaskDefinitionArn, Arc<TaskDefinition>>,
    /// Container instances that are not INACTIVE.
    pub container_instances: BTreeMap<ContainerInstanceArn, Observed<ContainerInstance>>,
    /// The machines below them.
    pub ec2_instances: BTreeMap<Ec2InstanceId, Observed<Ec2Instance>>,
    /// Target groups.
    pub target_groups: BTreeMap<TargetGroupArn, Observed<TargetGroup>>,
    /// Load balancers; one that vanished from the API keeps its last known name for as long as it is declared.
    pub load_balancers: BTreeMap<LoadBalancerId, Observed<LoadBalancer>>,
    /// Stopped tasks.
    pub tombstones: BTreeMap<TaskArn, Tombstone>,
    /// Who refers to whom, kept in step by `reduce`.
    pub links: Links,
}
