//! A task as DescribeTasks and the Task State Change event show it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{ClusterArn, ContainerInstanceArn, Protocol, TaskArn, TaskDefinitionArn, Timestamp};

/// Where a task is in its life cycle (`lastStatus`, `desiredStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskStatus {
    /// Resources are being made ready.
    Provisioning,
    /// Waiting for the container agent.
    Pending,
    /// Running, last preparations (target groups) under way.
    Activating,
    /// Running.
    Running,
    /// Running, being taken out of load balancers.
    Deactivating,
    /// SIGTERM was or will be sent.
    Stopping,
    /// Resources are being given back.
    Deprovisioning,
    /// Over.
    Stopped,
    /// Deleted, which DescribeTasks shows for a while.
    Deleted,
    /// A status that this version does not know; treated as not running.
    #[serde(other)]
    Unknown,
}

impl TaskStatus {
    /// Reads the API's word; one that is not known becomes [`TaskStatus::Unknown`].
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "PROVISIONING" => Self::Provisioning,
            "PENDING" => Self::Pending,
            "ACTIVATING" => Self::Activating,
            "RUNNING" => Self::Running,
            "DEACTIVATING" => Self::Deactivating,
            "STOPPING" => Self::Stopping,
            "DEPROVISIONING" => Self::Deprovisioning,
            "STOPPED" => Self::Stopped,
            "DELETED" => Self::Deleted,
            _ => Self::Unknown,
        }
    }

    /// Whether the task is over and never comes back.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Deleted)
    }

    /// Whether the task is on its way out (or over).
    #[must_use]
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::Deactivating | Self::Stopping | Self::Deprovisioning | Self::Stopped | Self::Deleted)
    }
}

/// Result of a container health check (`healthStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Health {
    /// The check passes.
    Healthy,
    /// The check fails.
    Unhealthy,
    /// No check is defined, it has not run yet, or the agent is not connected.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Health {
    /// Reads the API's word; anything but HEALTHY and UNHEALTHY is [`Health::Unknown`].
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "HEALTHY" => Self::Healthy,
            "UNHEALTHY" => Self::Unhealthy,
            _ => Self::Unknown,
        }
    }
}

/// One port of a container as it is reachable on the host (bridge and host network mode).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkBinding {
    /// Port inside the container.
    pub container_port: u16,
    /// Port on the container instance.
    pub host_port: u16,
    /// Transport protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A container of a task. A field that an observation did not carry is `None` or empty, and never clears what an
/// earlier one said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Container {
    /// Name in the task definition.
    pub name: String,
    /// Result of its health check; `None` when the observation has no health (events).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Port bindings, known once the task is RUNNING.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_bindings: Vec<NetworkBinding>,
}

/// A running copy of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Identity.
    pub arn: TaskArn,
    /// Cluster that it runs in.
    pub cluster: ClusterArn,
    /// `service:<name>` for tasks of a service, `family:<family>` or free text for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Revision it was started from.
    pub task_definition: TaskDefinitionArn,
    /// Host, for the EC2 and EXTERNAL launch types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_instance: Option<ContainerInstanceArn>,
    /// Availability Zone name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Where it is.
    pub last_status: TaskStatus,
    /// Where ECS wants it.
    pub desired_status: TaskStatus,
    /// Orders the life-cycle fields of one task; `None` where the source has none (moto).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Its containers, in the order of the API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// IPv4 addresses of its own network interface (awsvpc).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses of its own network interface (awsvpc).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<Ipv6Addr>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it became RUNNING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

impl Task {
    /// Name of the service it belongs to, if any.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.group.as_deref()?.strip_prefix("service:")
    }
}
