//! Hosts: the container instance that ECS knows and the EC2 instance below it, which alone has the address.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ClusterArn, ContainerInstanceArn};

/// `i-…` of EC2, or `mi-…` of ECS Anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ec2InstanceId(pub Arc<str>);

impl Ec2InstanceId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ec2InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// State of a container instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ContainerInstanceStatus {
    /// Takes tasks.
    Active,
    /// Its tasks of services are being moved away.
    Draining,
    /// Deregistered.
    Inactive,
    /// Being registered, being deregistered, or not known to this version: treated as ACTIVE.
    #[serde(other)]
    Other,
}

impl ContainerInstanceStatus {
    /// Reads the API's word.
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "ACTIVE" => Self::Active,
            "DRAINING" => Self::Draining,
            "INACTIVE" => Self::Inactive,
            _ => Self::Other,
        }
    }
}

/// A host as it is registered in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerInstance {
    /// Identity.
    pub arn: ContainerInstanceArn,
    /// Cluster that it is registered in.
    pub cluster: ClusterArn,
    /// The machine.
    pub ec2_instance_id: Ec2InstanceId,
    /// State. `agentConnected` is not kept: it flips in normal operation and must not remove tasks.
    pub status: ContainerInstanceStatus,
    /// Orders observations of one container instance; `None` where the source has none (moto).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// State of an EC2 instance (`instanceState.name`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ec2State {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// On its way to stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// On its way to terminated.
    ShuttingDown,
    /// Gone for good.
    Terminated,
    /// Not known to this version: treated as running.
    #[serde(other)]
    Other,
}

impl Ec2State {
    /// Reads the API's word.
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            _ => Self::Other,
        }
    }

    /// Whether the machine, and with it every task on it, is gone or going.
    #[must_use]
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Stopping | Self::Stopped | Self::ShuttingDown | Self::Terminated)
    }
}

/// An EC2 instance: address and state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ec2Instance {
    /// Identity.
    pub id: Ec2InstanceId,
    /// State.
    pub state: Ec2State,
    /// Primary private address; a terminated instance has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ipv4: Option<Ipv4Addr>,
    /// IPv6 address of the primary interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Addr>,
    /// Availability Zone name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
}
