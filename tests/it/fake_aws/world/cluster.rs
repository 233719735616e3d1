//! Clusters and services, as `DescribeClusters` and `DescribeServices` show them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{ContainerInstance, Task};

/// A cluster and what is in it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    pub cluster_arn: String,
    pub cluster_name: String,
    /// ACTIVE, PROVISIONING, DEPROVISIONING, FAILED, INACTIVE.
    pub status: String,
    /// Services by name.
    #[serde(skip)]
    pub services: BTreeMap<String, Service>,
    /// Tasks by ARN.
    #[serde(skip)]
    pub tasks: BTreeMap<String, Task>,
    /// Container instances by ARN.
    #[serde(skip)]
    pub container_instances: BTreeMap<String, ContainerInstance>,
}

impl Cluster {
    pub(super) fn new(name: &str, arn: String) -> Self {
        Self {
            cluster_arn: arn,
            cluster_name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            container_instances: BTreeMap::new(),
        }
    }
}

/// A service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    pub service_arn: String,
    pub service_name: String,
    pub cluster_arn: String,
    /// ACTIVE, DRAINING, INACTIVE. Only ACTIVE ones are listed.
    pub status: String,
    pub desired_count: i32,
    /// None: as many as its tasks say.
    pub running_count: Option<i32>,
    /// None: as many as its tasks say.
    pub pending_count: Option<i32>,
    pub launch_type: String,
    pub scheduling_strategy: String,
    pub task_definition: String,
    pub load_balancers: Vec<LoadBalancerRef>,
    pub task_sets: Vec<TaskSet>,
    /// Seconds since the epoch.
    pub created_at: f64,
    pub tags: Vec<Value>,
}

/// A load balancer or target group as a service or task set declares it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerRef {
    pub load_balancer_name: Option<String>,
    pub target_group_arn: Option<String>,
    pub container_name: String,
    pub container_port: i32,
}

/// A task set of a service with an EXTERNAL or `CODE_DEPLOY` deployment controller.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSet {
    pub id: String,
    pub task_set_arn: String,
    pub service_arn: String,
    pub cluster_arn: String,
    /// PRIMARY, ACTIVE, DRAINING.
    pub status: String,
    pub task_definition: String,
    pub load_balancers: Vec<LoadBalancerRef>,
    pub created_at: f64,
}
