//! Task definitions: what the ports, health checks and labels of a task are. A revision never changes, so one that
//! was read once is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TaskDefinitionArn;

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, the API's default.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Reads the API's word; anything but `udp` is TCP.
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        if word.eq_ignore_ascii_case("udp") { Self::Udp } else { Self::Tcp }
    }

    /// The label that stands for it in a name of SRV records (RFC 2782).
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Tcp => "_tcp",
            Self::Udp => "_udp",
        }
    }
}

/// How the tasks of a definition are attached to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Docker's bridge, ports mapped on the host; the API's default on Linux.
    #[default]
    Bridge,
    /// The host's own network.
    Host,
    /// A network interface of its own.
    Awsvpc,
    /// No network.
    None,
}

impl NetworkMode {
    /// Reads the API's word; one that is not known counts as bridge, the default.
    #[must_use]
    pub fn from_api(word: &str) -> Self {
        match word {
            "awsvpc" => Self::Awsvpc,
            "host" => Self::Host,
            "none" => Self::None,
            _ => Self::Bridge,
        }
    }
}

/// A port that a container listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Name of the port, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Port inside the container.
    pub container_port: u16,
    /// Port on the host: 0 or absent means that one is chosen when the task starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// Transport protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

/// One container of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDefinition {
    /// Name.
    pub name: String,
    /// Whether the task stops with it (the API's default is yes).
    #[serde(default = "yes")]
    pub essential: bool,
    /// Whether a health check is defined.
    #[serde(default)]
    pub health_check: bool,
    /// Ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Docker labels, where `ecs-resolver.*` and `SERVICE_*` are understood.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub docker_labels: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// One revision of a task definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Identity.
    pub arn: TaskDefinitionArn,
    /// Network mode of its tasks.
    #[serde(default)]
    pub network_mode: NetworkMode,
    /// Its containers.
    #[serde(default)]
    pub containers: Vec<ContainerDefinition>,
}
