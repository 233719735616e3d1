//! The verbs of a changing world: apply, delete, reset, and synced. Every source speaks in these.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ServiceKey;
use crate::ecs::{
    Cluster, ClusterArn, ContainerInstance, ContainerInstanceArn, Ec2Instance, Ec2InstanceId, Health, LoadBalancer,
    LoadBalancerId, Service, TargetGroup, TargetGroupArn, Task, TaskArn, TaskDefinition, Timestamp,
};

/// A resource as one observation shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A cluster.
    Cluster(Cluster),
    /// A service.
    Service(Service),
    /// A task.
    Task(Task),
    /// A task definition.
    TaskDefinition(TaskDefinition),
    /// A container instance.
    ContainerInstance(ContainerInstance),
    /// An EC2 instance.
    Ec2Instance(Ec2Instance),
    /// A target group.
    TargetGroup(TargetGroup),
    /// A load balancer.
    LoadBalancer(LoadBalancer),
}

/// Which resource is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceId {
    /// A cluster, with everything in it.
    Cluster(ClusterArn),
    /// A service; its tasks go when they stop.
    Service(ServiceKey),
    /// A task that is STOPPED or MISSING.
    Task(TaskArn),
    /// A container instance.
    ContainerInstance(ContainerInstanceArn),
    /// An EC2 instance that was looked for and not found.
    Ec2Instance(Ec2InstanceId),
    /// A target group.
    TargetGroup(TargetGroupArn),
    /// A load balancer.
    LoadBalancer(LoadBalancerId),
}

/// What a list was a list of. There is none of tasks: a task is only gone when DescribeTasks says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All clusters.
    Clusters,
    /// The services of a cluster.
    Services(ClusterArn),
    /// The container instances of a cluster.
    ContainerInstances(ClusterArn),
}

/// One thing that a source has learned. `at` is the start of the request that it was learned from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all changes are of the largest kind, and live for one batch")]
pub enum Change {
    /// A resource looks like this.
    Apply {
        /// The resource.
        resource: Resource,
        /// Start of the request.
        at: Timestamp,
    },
    /// A resource is gone.
    Delete {
        /// Which one.
        id: ResourceId,
        /// Start of the request.
        at: Timestamp,
    },
    /// Somebody else has seen how containers of a task are. Says nothing of a task or container that is not known.
    Health {
        /// The task.
        task: TaskArn,
        /// By name of the container.
        containers: Vec<(String, Health)>,
        /// Start of the request, as far as it can be told by our clock.
        at: Timestamp,
    },
    /// A complete list: what is in scope, not in it, and last observed before it began, is gone.
    Reset {
        /// What was listed.
        scope: Scope,
        /// What the list held.
        ids: BTreeSet<ResourceId>,
        /// When the list began.
        at: Timestamp,
    },
    /// A first complete pass over a cluster is through: it may be published.
    Synced {
        /// The cluster.
        cluster: ClusterArn,
    },
    /// What is known of a cluster is too old: until the next complete pass it is not published.
    Unsynced {
        /// The cluster.
        cluster: ClusterArn,
    },
}

/// Whose names may have changed: the unit in which the zone is rendered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A service and its tasks.
    Service(ServiceKey),
    /// A task that belongs to no service.
    Task(TaskArn),
    /// A container instance.
    Host(ContainerInstanceArn),
    /// A cluster appeared, vanished or became synced: everything in it, and the names of default clusters.
    Cluster(ClusterArn),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(key) => write!(f, "service {} of cluster {}", key.name, key.cluster.id()),
            Self::Task(arn) => write!(f, "task {arn}"),
            Self::Host(arn) => write!(f, "container instance {arn}"),
            Self::Cluster(arn) => write!(f, "cluster {arn}"),
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Something is different; these subjects must be rendered again.
    Changed(BTreeSet<Subject>),
    /// It said what we knew.
    Unchanged,
    /// It was older than what we know (version, request time or tombstone) and was dropped.
    Stale,
}
