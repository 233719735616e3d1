//! From the SDK's shapes to our words. Only what a type holds is read; an answer without its identity is skipped.

use std::net::{Ipv4Addr, Ipv6Addr};

use aws_sdk_ecs::types as sdk;
use aws_smithy_types::DateTime;

use crate::ecs::interface::{self, Attachment, NetworkInterface, unique};
use crate::ecs::{
    ArnError, Cluster, ClusterArn, Container, ContainerDefinition, ContainerInstance, ContainerInstanceArn,
    ContainerInstanceStatus, Ec2InstanceId, Health, LoadBalancerId, LoadBalancerRef, NetworkBinding, NetworkMode,
    PortMapping, Protocol, Service, ServiceArn, ServiceStatus, TargetGroupArn, Task, TaskArn, TaskDefinition,
    TaskDefinitionArn, TaskSet, TaskStatus, Timestamp,
};

pub(super) fn cluster(from: &sdk::Cluster) -> Option<Cluster> {
    let arn = identity(from.cluster_arn(), ClusterArn::parse)?;
    let name = from.cluster_name().unwrap_or_else(|| arn.id()).to_owned();
    Some(Cluster { arn, name })
}

pub(super) fn service(cluster: &ClusterArn, from: &sdk::Service) -> Option<Service> {
    let arn = identity(from.service_arn(), ServiceArn::parse)?;
    Some(Service {
        name: from.service_name().unwrap_or_else(|| arn.id()).to_owned(),
        cluster: cluster_of(from.cluster_arn(), cluster),
        status: ServiceStatus::from_api(from.status().unwrap_or_default()),
        desired_count: u32::try_from(from.desired_count()).unwrap_or_default(),
        task_definition: from.task_definition().and_then(|text| TaskDefinitionArn::parse(text).ok()),
        load_balancers: load_balancers(from.load_balancers()),
        task_sets: from.task_sets().iter().map(task_set).collect(),
        created_at: from.created_at().and_then(timestamp),
        arn,
    })
}

fn task_set(from: &sdk::TaskSet) -> TaskSet {
    TaskSet {
        id: from.id().unwrap_or_default().to_owned(),
        status: from.status().unwrap_or_default().to_owned(),
        load_balancers: load_balancers(from.load_balancers()),
    }
}

fn load_balancers(from: &[sdk::LoadBalancer]) -> Vec<LoadBalancerRef> {
    from.iter().filter_map(load_balancer).collect()
}

fn load_balancer(from: &sdk::LoadBalancer) -> Option<LoadBalancerRef> {
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Into::into);
    let group = given(from.target_group_arn()).map(TargetGroupArn).map(LoadBalancerRef::TargetGroup);
    group.or_else(|| given(from.load_balancer_name()).map(LoadBalancerId).map(LoadBalancerRef::LoadBalancerName))
}

pub(super) fn task(cluster: &ClusterArn, from: &sdk::Task) -> Option<Task> {
    let arn = identity(from.task_arn(), TaskArn::parse)?;
    let last_status = TaskStatus::from_api(from.last_status().unwrap_or_default());
    let (ipv4, ipv6) = addresses(from, last_status.is_final());
    Some(Task {
        cluster: cluster_of(from.cluster_arn(), cluster),
        group: from.group().map(str::to_owned),
        task_definition: identity(from.task_definition_arn(), TaskDefinitionArn::parse)?,
        container_instance: from.container_instance_arn().and_then(|text| ContainerInstanceArn::parse(text).ok()),
        availability_zone: from.availability_zone().map(str::to_owned),
        last_status,
        desired_status: TaskStatus::from_api(from.desired_status().unwrap_or_default()),
        version: version(from.version()),
        containers: from.containers().iter().map(container).collect(),
        ipv4,
        ipv6,
        created_at: from.created_at().and_then(timestamp),
        started_at: from.started_at().and_then(timestamp),
        arn,
    })
}

fn addresses(task: &sdk::Task, is_over: bool) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let interfaces: Vec<_> =
        task.containers().iter().flat_map(sdk::Container::network_interfaces).map(network_interface).collect();
    let attachments: Vec<_> = task.attachments().iter().map(attachment).collect();
    interface::addresses(is_over, &interfaces, &attachments)
}

fn network_interface(from: &sdk::NetworkInterface) -> NetworkInterface<'_> {
    NetworkInterface { attachment: from.attachment_id(), ipv4: from.private_ipv4_address(), ipv6: from.ipv6_address() }
}

fn attachment(from: &sdk::Attachment) -> Attachment<'_> {
    let details = from.details().iter().filter_map(|detail| Some((detail.name()?, detail.value()?))).collect();
    Attachment { id: from.id(), kind: from.r#type(), status: from.status(), details }
}

fn container(from: &sdk::Container) -> Container {
    Container {
        name: from.name().unwrap_or_default().to_owned(),
        health: from.health_status().map(|status| Health::from_api(status.as_str())),
        network_bindings: unique(from.network_bindings().iter().filter_map(network_binding)),
    }
}

/// A binding of one port; one of a range (`containerPortRange`) has no port to name and is left out. Docker binds a
/// port on 0.0.0.0 and on `::`, which is one binding to us.
fn network_binding(from: &sdk::NetworkBinding) -> Option<NetworkBinding> {
    Some(NetworkBinding {
        container_port: port(from.container_port())?,
        host_port: port(from.host_port())?,
        protocol: protocol(from.protocol()),
    })
}

pub(super) fn task_definition(asked: &TaskDefinitionArn, from: &sdk::TaskDefinition) -> TaskDefinition {
    TaskDefinition {
        arn: from
            .task_definition_arn()
            .and_then(|text| TaskDefinitionArn::parse(text).ok())
            .unwrap_or_else(|| asked.clone()),
        network_mode: from.network_mode().map(|mode| NetworkMode::from_api(mode.as_str())).unwrap_or_default(),
        containers: from.container_definitions().iter().map(container_definition).collect(),
    }
}

fn container_definition(from: &sdk::ContainerDefinition) -> ContainerDefinition {
    ContainerDefinition {
        name: from.name().unwrap_or_default().to_owned(),
        essential: from.essential().unwrap_or(true),
        health_check: from.health_check().is_some_and(is_check),
        port_mappings: from.port_mappings().iter().filter_map(port_mapping).collect(),
        docker_labels: from.docker_labels().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
    }
}

/// `["NONE"]` is how a check is switched off; its container never becomes HEALTHY.
fn is_check(check: &sdk::HealthCheck) -> bool {
    check.command().first().is_some_and(|word| word != "NONE")
}

fn port_mapping(from: &sdk::PortMapping) -> Option<PortMapping> {
    Some(PortMapping {
        name: from.name().filter(|name| !name.is_empty()).map(str::to_owned),
        container_port: port(from.container_port())?,
        host_port: from.host_port().and_then(|port| u16::try_from(port).ok()),
        protocol: protocol(from.protocol()),
    })
}

pub(super) fn container_instance(cluster: &ClusterArn, from: &sdk::ContainerInstance) -> Option<ContainerInstance> {
    let arn = identity(from.container_instance_arn(), ContainerInstanceArn::parse)?;
    Some(ContainerInstance {
        cluster: cluster.clone(),
        ec2_instance_id: Ec2InstanceId(from.ec2_instance_id()?.into()),
        status: ContainerInstanceStatus::from_api(from.status().unwrap_or_default()),
        version: version(from.version()),
        arn,
    })
}

/// The resource's own ARN; without one there is nothing to keep it under.
fn identity<T>(text: Option<&str>, parse: fn(&str) -> Result<T, ArnError>) -> Option<T> {
    let skip = |error: &ArnError| tracing::warn!(%error, "skipping a resource that ECS described");
    parse(text.unwrap_or_default()).inspect_err(skip).ok()
}

/// The cluster that the answer names (moto answers for tasks of others), else the one that was asked.
fn cluster_of(answered: Option<&str>, asked: &ClusterArn) -> ClusterArn {
    answered.and_then(|text| ClusterArn::parse(text).ok()).unwrap_or_else(|| asked.clone())
}

/// Versions start at 1; the SDK reads an absent one as 0.
fn version(from: i64) -> Option<u64> {
    u64::try_from(from).ok().filter(|version| *version > 0)
}

fn port(from: Option<i32>) -> Option<u16> {
    u16::try_from(from?).ok().filter(|port| *port > 0)
}

fn protocol(from: Option<&sdk::TransportProtocol>) -> Protocol {
    from.map(|protocol| Protocol::from_api(protocol.as_str())).unwrap_or_default()
}

/// ECS keeps milliseconds. As a number that many digits do not fit, and the SDK reads 2.402 as 2.40199995; events
/// have the same times as text, and must not differ.
fn timestamp(from: &DateTime) -> Option<Timestamp> {
    let millis = (i64::from(from.subsec_nanos()) + 500_000) / 1_000_000;
    Timestamp::from_millisecond(from.secs().checked_mul(1000)?.checked_add(millis)?).ok()
}
