//! "ECS Task State Change": the same task that DescribeTasks shows, but for its health, which no event tells.

use serde::Deserialize;

use super::read;
use crate::ecs::interface::{self, unique};
use crate::ecs::{
    ClusterArn, Container, ContainerInstanceArn, NetworkBinding, Protocol, Task, TaskArn, TaskDefinitionArn,
    TaskStatus, Timestamp,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskChange {
    task_arn: TaskArn,
    cluster_arn: ClusterArn,
    task_definition_arn: TaskDefinitionArn,
    last_status: TaskStatus,
    desired_status: TaskStatus,
    /// Of the task. The envelope has another one.
    version: Option<u64>,
    #[serde(default, deserialize_with = "read::optional")]
    group: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    container_instance_arn: Option<ContainerInstanceArn>,
    #[serde(default, deserialize_with = "read::optional")]
    availability_zone: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "read::optional")]
    started_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "read::list")]
    containers: Vec<ContainerChange>,
    #[serde(default, deserialize_with = "read::list")]
    attachments: Vec<Attachment>,
}

/// A `healthStatus` is not read, should there ever be one: events never carry health.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerChange {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "read::list")]
    network_bindings: Vec<Binding>,
    #[serde(default, deserialize_with = "read::list")]
    network_interfaces: Vec<NetworkInterface>,
}

/// A binding of one port; one of a range has no port to name and is left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    #[serde(default, deserialize_with = "read::optional")]
    container_port: Option<u16>,
    #[serde(default, deserialize_with = "read::optional")]
    host_port: Option<u16>,
    #[serde(default, deserialize_with = "read::optional")]
    protocol: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkInterface {
    #[serde(default, deserialize_with = "read::optional")]
    attachment_id: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    private_ipv4_address: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    ipv6_address: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Attachment {
    #[serde(default, deserialize_with = "read::optional")]
    id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "read::optional")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    status: Option<String>,
    #[serde(default, deserialize_with = "read::list")]
    details: Vec<AttachmentDetail>,
}

#[derive(Debug, Deserialize)]
struct AttachmentDetail {
    #[serde(default, deserialize_with = "read::optional")]
    name: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    value: Option<String>,
}

impl From<TaskChange> for Task {
    fn from(from: TaskChange) -> Self {
        let interfaces: Vec<_> =
            from.containers.iter().flat_map(|container| &container.network_interfaces).map(network_interface).collect();
        let attachments: Vec<_> = from.attachments.iter().map(attachment).collect();
        let (ipv4, ipv6) = interface::addresses(from.last_status.is_final(), &interfaces, &attachments);
        Self {
            arn: from.task_arn,
            cluster: from.cluster_arn,
            group: from.group,
            task_definition: from.task_definition_arn,
            container_instance: from.container_instance_arn,
            availability_zone: from.availability_zone,
            last_status: from.last_status,
            desired_status: from.desired_status,
            version: from.version.filter(|version| *version > 0),
            containers: from.containers.into_iter().map(container).collect(),
            ipv4,
            ipv6,
            created_at: from.created_at,
            started_at: from.started_at,
        }
    }
}

fn network_interface(from: &NetworkInterface) -> interface::NetworkInterface<'_> {
    interface::NetworkInterface {
        attachment: from.attachment_id.as_deref(),
        ipv4: from.private_ipv4_address.as_deref(),
        ipv6: from.ipv6_address.as_deref(),
    }
}

fn attachment(from: &Attachment) -> interface::Attachment<'_> {
    let details = from.details.iter().filter_map(|detail| Some((detail.name.as_deref()?, detail.value.as_deref()?)));
    interface::Attachment {
        id: from.id.as_deref(),
        kind: from.kind.as_deref(),
        status: from.status.as_deref(),
        details: details.collect(),
    }
}

fn container(from: ContainerChange) -> Container {
    let network_bindings = unique(from.network_bindings.iter().filter_map(binding));
    Container { name: from.name, health: None, network_bindings }
}

fn binding(from: &Binding) -> Option<NetworkBinding> {
    let port = |port: Option<u16>| port.filter(|port| *port > 0);
    Some(NetworkBinding {
        container_port: port(from.container_port)?,
        host_port: port(from.host_port)?,
        protocol: from.protocol.as_deref().map(Protocol::from_api).unwrap_or_default(),
    })
}
