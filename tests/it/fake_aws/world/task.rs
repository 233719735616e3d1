//! Tasks, as `DescribeTasks` shows them. Each way of changing one says whether `version` steps, as AWS's does.

use serde::Serialize;
use serde_json::{Value, json};

use super::{ContainerDefinition, TaskDefinition};

/// A task.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub task_arn: String,
    pub cluster_arn: String,
    pub task_definition_arn: String,
    /// `service:NAME` or `family:NAME`.
    pub group: Option<String>,
    pub started_by: Option<String>,
    pub launch_type: String,
    pub availability_zone: Option<String>,
    pub container_instance_arn: Option<String>,
    pub connectivity: Option<String>,
    pub last_status: String,
    pub desired_status: String,
    pub version: Option<i64>,
    pub containers: Vec<Container>,
    pub attachments: Vec<Attachment>,
    /// Seconds since the epoch.
    pub created_at: f64,
    pub started_at: Option<f64>,
    pub stopped_at: Option<f64>,
    pub stopped_reason: Option<String>,
    pub tags: Vec<Value>,
}

/// A container of a task.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    pub container_arn: String,
    pub task_arn: String,
    pub name: String,
    pub image: String,
    pub last_status: String,
    /// HEALTHY, UNHEALTHY, UNKNOWN (also: no health check).
    pub health_status: String,
    pub network_bindings: Vec<NetworkBinding>,
    pub network_interfaces: Vec<NetworkInterface>,
}

/// A port of a container on its host (bridge mode).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkBinding {
    #[serde(rename = "bindIP")]
    pub bind_ip: String,
    pub container_port: i32,
    pub host_port: i32,
    pub protocol: String,
}

/// The network interface of an awsvpc container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterface {
    pub attachment_id: String,
    pub private_ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
}

/// An attachment; here always an elastic network interface.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    /// `{name, value}` pairs.
    pub details: Vec<Value>,
}

impl Task {
    /// A later version of the task, for changes made by hand.
    pub fn bump(&mut self) -> &mut Self {
        self.version = self.version.map(|version| version + 1);
        self
    }

    /// Where the task is in its life. Steps the version.
    pub fn status(&mut self, last: &str, desired: &str) -> &mut Self {
        last.clone_into(&mut self.last_status);
        desired.clone_into(&mut self.desired_status);
        for container in &mut self.containers {
            last.clone_into(&mut container.last_status);
        }
        self.bump()
    }

    /// ECS wants it to stop; it still runs. Steps the version.
    pub fn stopping(&mut self) -> &mut Self {
        self.status("RUNNING", "STOPPED")
    }

    /// It has stopped; its interface is gone, its address still told. Steps the version.
    pub fn stop(&mut self) -> &mut Self {
        for attachment in &mut self.attachments {
            "DELETED".clone_into(&mut attachment.status);
        }
        self.stopped_at = Some(self.created_at + 3600.0);
        self.stopped_reason = Some("Scaling activity initiated by deployment".to_owned());
        self.status("STOPPED", "STOPPED")
    }

    /// The health of one container; that of the task follows from it. As at AWS, the version does not step.
    ///
    /// # Panics
    /// If there is no such container.
    pub fn health(&mut self, container: &str, status: &str) -> &mut Self {
        status.clone_into(&mut self.container(container).health_status);
        self
    }

    /// A container of the task.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn container(&mut self, name: &str) -> &mut Container {
        let found = self.containers.iter_mut().find(|container| container.name == name);
        found.unwrap_or_else(|| panic!("the task has no container {name}"))
    }

    /// Binds a container port to a host port, over TCP. Steps the version.
    pub fn bind(&mut self, container: &str, container_port: i32, host_port: i32) -> &mut Self {
        let bind_ip = "0.0.0.0".to_owned();
        let binding = NetworkBinding { bind_ip, container_port, host_port, protocol: "tcp".to_owned() };
        self.container(container).network_bindings.push(binding);
        self.bump()
    }

    /// Gives the task an elastic network interface of that address. Steps the version.
    pub fn attach(&mut self, attachment_id: &str, address: &str) -> &mut Self {
        self.attachments = vec![Attachment {
            id: attachment_id.to_owned(),
            kind: "ElasticNetworkInterface".to_owned(),
            status: "ATTACHED".to_owned(),
            details: vec![
                json!({ "name": "subnetId", "value": "subnet-0a1b2c3d4e5f60718" }),
                json!({ "name": "networkInterfaceId", "value": format!("eni-{}", &attachment_id[..17]) }),
                json!({ "name": "macAddress", "value": "0a:00:00:00:00:01" }),
                json!({ "name": "privateIPv4Address", "value": address }),
            ],
        }];
        for container in &mut self.containers {
            container.network_interfaces = vec![NetworkInterface {
                attachment_id: attachment_id.to_owned(),
                private_ipv4_address: Some(address.to_owned()),
                ipv6_address: None,
            }];
        }
        self.bump()
    }

    /// Gives the interface an IPv6 address. Steps the version.
    pub fn ipv6(&mut self, address: &str) -> &mut Self {
        for interface in self.containers.iter_mut().flat_map(|container| &mut container.network_interfaces) {
            interface.ipv6_address = Some(address.to_owned());
        }
        self.bump()
    }

    /// The private IPv4 address of its interface, if it has one.
    pub fn private_address(&self) -> Option<String> {
        let mut interfaces = self.containers.iter().flat_map(|container| &container.network_interfaces);
        interfaces.find_map(|interface| interface.private_ipv4_address.clone())
    }

    /// The health of the task: that of its essential containers with a check, together.
    pub fn health_status(&self, definition: &TaskDefinition) -> &'static str {
        let checked = |name: &str| {
            let found = definition.container_definitions.iter().find(|container| container.name == name);
            found.is_some_and(|container| container.essential && container.health_check.is_some())
        };
        let checked: Vec<_> = self.containers.iter().filter(|container| checked(&container.name)).collect();
        if checked.iter().any(|container| container.health_status == "UNHEALTHY") {
            "UNHEALTHY"
        } else if !checked.is_empty() && checked.iter().all(|container| container.health_status == "HEALTHY") {
            "HEALTHY"
        } else {
            "UNKNOWN"
        }
    }

    /// The containers of `definition` come up: RUNNING, and HEALTHY where there is a check.
    pub(super) fn run(&mut self, definition: &TaskDefinition, container_arn: impl Fn(usize) -> String) {
        let definitions = definition.container_definitions.iter().enumerate();
        self.containers = definitions
            .map(|(index, definition)| Container::running(definition, &self.task_arn, container_arn(index)))
            .collect();
    }
}

impl Container {
    fn running(definition: &ContainerDefinition, task_arn: &str, container_arn: String) -> Self {
        let health = if definition.health_check.is_some() { "HEALTHY" } else { "UNKNOWN" };
        Self {
            container_arn,
            task_arn: task_arn.to_owned(),
            name: definition.name.clone(),
            image: definition.image.clone(),
            last_status: "RUNNING".to_owned(),
            health_status: health.to_owned(),
            network_bindings: Vec::new(),
            network_interfaces: Vec::new(),
        }
    }
}
