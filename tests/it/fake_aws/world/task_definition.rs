//! Task definitions, as `DescribeTaskDefinition` shows them.

use std::collections::BTreeMap;

use serde::Serialize;

/// A task definition. Its ARN and revision come from `World::register`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDefinition {
    pub task_definition_arn: String,
    pub family: String,
    pub revision: i32,
    pub status: String,
    /// awsvpc, bridge, host, none; None: not given, which means bridge on Linux.
    pub network_mode: Option<String>,
    pub container_definitions: Vec<ContainerDefinition>,
}

/// One container of a task definition.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDefinition {
    pub name: String,
    pub image: String,
    pub essential: bool,
    pub port_mappings: Vec<PortMapping>,
    pub health_check: Option<HealthCheck>,
    pub docker_labels: BTreeMap<String, String>,
}

/// One port of a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortMapping {
    pub name: Option<String>,
    pub container_port: i32,
    /// 0 or none: dynamic in bridge mode.
    pub host_port: Option<i32>,
    pub protocol: String,
}

/// A container health check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    pub command: Vec<String>,
    pub interval: i32,
    pub retries: i32,
}

impl TaskDefinition {
    /// A family with one essential container of the same name and no port.
    pub fn new(family: &str, network_mode: &str) -> Self {
        Self {
            task_definition_arn: String::new(),
            family: family.to_owned(),
            revision: 0,
            status: "ACTIVE".to_owned(),
            network_mode: Some(network_mode.to_owned()),
            container_definitions: vec![ContainerDefinition::new(family)],
        }
    }

    /// Adds a named TCP port to the last container.
    pub fn port(self, name: &str, container_port: i32) -> Self {
        self.port_mapping(PortMapping { name: Some(name.to_owned()), ..PortMapping::tcp(container_port) })
    }

    /// Adds a port to the last container.
    pub fn port_mapping(mut self, mapping: PortMapping) -> Self {
        self.last().port_mappings.push(mapping);
        self
    }

    /// Gives the last container a health check.
    pub fn health_check(mut self) -> Self {
        let command = vec!["CMD-SHELL".to_owned(), "true".to_owned()];
        self.last().health_check = Some(HealthCheck { command, interval: 30, retries: 3 });
        self
    }

    /// Gives the last container a Docker label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.last().docker_labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a container that may stop without stopping the task; what follows applies to it.
    pub fn sidecar(mut self, name: &str) -> Self {
        self.container_definitions.push(ContainerDefinition { essential: false, ..ContainerDefinition::new(name) });
        self
    }

    fn last(&mut self) -> &mut ContainerDefinition {
        self.container_definitions.last_mut().expect("a task definition has a container")
    }
}

impl ContainerDefinition {
    /// An essential container without ports.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: format!("example/{}:1", name.to_lowercase()),
            essential: true,
            port_mappings: Vec::new(),
            health_check: None,
            docker_labels: BTreeMap::new(),
        }
    }
}

impl PortMapping {
    /// A TCP port without a name or a host port.
    pub fn tcp(container_port: i32) -> Self {
        Self { name: None, container_port, host_port: None, protocol: "tcp".to_owned() }
    }
}
