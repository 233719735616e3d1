//! Clusters and services as DescribeClusters and DescribeServices show them.

use serde::{Deserialize, Serialize};

use super::{ClusterArn, LoadBalancerRef, ServiceArn, TaskDefinitionArn, Timestamp};

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Identity.
    pub arn: ClusterArn,
    /// Name, as given at creation (1–255 of `A-Za-z0-9_-`).
    pub name: String,
}

/// State of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ServiceStatus {
    /// In use.
    Active,
    /// Deleted, tasks still stopping.
    Draining,
    /// Deleted.
    Inactive,
    /// A state that this version does not know; treated as in use.
    #[serde(other)]
    Unknown,
}

impl ServiceStatus {
    /// Reads the API's word.
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "ACTIVE" => Self::Active,
            "DRAINING" => Self::Draining,
            "INACTIVE" => Self::Inactive,
            _ => Self::Unknown,
        }
    }
}

/// One task set of a service with an EXTERNAL or CODE_DEPLOY deployment controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSet {
    /// Id, e.g. `ecs-svc/1234`; `startedBy` of its tasks.
    pub id: String,
    /// PRIMARY, ACTIVE or DRAINING.
    #[serde(default)]
    pub status: String,
    /// Load balancers of this task set; the service itself then declares none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<LoadBalancerRef>,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Identity.
    pub arn: ServiceArn,
    /// Name (1–255 of `A-Za-z0-9_-`).
    pub name: String,
    /// Cluster that it runs in.
    pub cluster: ClusterArn,
    /// State.
    pub status: ServiceStatus,
    /// Number of tasks wanted.
    #[serde(default)]
    pub desired_count: u32,
    /// Current revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<TaskDefinitionArn>,
    /// Load balancers that the service declares, in the order of the API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<LoadBalancerRef>,
    /// Task sets, for external and blue/green deployments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_sets: Vec<TaskSet>,
    /// When it was created; decides which of two colliding names stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

impl Service {
    /// Every load balancer it declares: its own, then those of its task sets, PRIMARY first.
    pub fn declared_load_balancers(&self) -> impl Iterator<Item = &LoadBalancerRef> {
        let of = |primary: bool| self.task_sets.iter().filter(move |set| (set.status == "PRIMARY") == primary);
        self.load_balancers.iter().chain(of(true).chain(of(false)).flat_map(|set| &set.load_balancers))
    }
}
