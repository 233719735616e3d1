//! Amazon ECS through the SDK: the calls. What an answer means is in `convert.rs`.

mod convert;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, Failure};

use super::calls::Calls;
use crate::ecs::{
    ArnError, Cluster, ClusterArn, ContainerInstance, ContainerInstanceArn, Service, ServiceArn, Task, TaskArn,
    TaskDefinition, TaskDefinitionArn,
};
use crate::source::ports::{ApiError, ApiErrorKind, Described, EcsApi};

/// Most names on a page; ListServices alone would give 10 if it were not asked for more.
const PAGE: i32 = 100;

/// Amazon ECS.
#[derive(Clone)]
pub struct Ecs {
    client: Client,
    calls: Calls,
}

impl Ecs {
    pub(super) fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        Self { client: Client::new(sdk), calls }
    }

    async fn listed_tasks(&self, cluster: &ClusterArn, service: Option<String>) -> Result<Vec<TaskArn>, ApiError> {
        let request = self.client.list_tasks().cluster(cluster.as_str()).desired_status(DesiredStatus::Running);
        let stream = request.set_service_name(service).max_results(PAGE).into_paginator().send();
        let pages = self.calls.pages("ecs:ListTasks", stream, |page| page.task_arns.unwrap_or_default()).await?;
        Ok(parsed(&pages, TaskArn::parse))
    }
}

#[async_trait]
impl EcsApi for Ecs {
    async fn list_clusters(&self) -> Result<Vec<ClusterArn>, ApiError> {
        let stream = self.client.list_clusters().max_results(PAGE).into_paginator().send();
        let pages = self.calls.pages("ecs:ListClusters", stream, |page| page.cluster_arns.unwrap_or_default()).await?;
        Ok(parsed(&pages, ClusterArn::parse))
    }

    async fn describe_clusters(&self, clusters: &[String]) -> Result<Described<Cluster, String>, ApiError> {
        if clusters.is_empty() {
            // ECS would describe the cluster `default`.
            return Ok(Described::default());
        }
        let sent = self.client.describe_clusters().set_clusters(Some(clusters.to_vec())).send().await;
        let output = self.calls.finish("ecs:DescribeClusters", sent)?;
        let (active, gone): (Vec<_>, Vec<_>) =
            output.clusters().iter().partition(|cluster| cluster.status().is_none_or(|status| status == "ACTIVE"));
        let mut missing = missing(output.failures(), clusters, String::as_str);
        let is_gone = |asked: &&String| gone.iter().any(|cluster| same(cluster.cluster_arn(), asked));
        missing.extend(clusters.iter().filter(is_gone).cloned());
        Ok(Described { found: active.into_iter().filter_map(convert::cluster).collect(), missing })
    }

    async fn list_services(&self, cluster: &ClusterArn) -> Result<Vec<ServiceArn>, ApiError> {
        let stream = self.client.list_services().cluster(cluster.as_str()).max_results(PAGE).into_paginator().send();
        let pages = self.calls.pages("ecs:ListServices", stream, |page| page.service_arns.unwrap_or_default()).await?;
        Ok(parsed(&pages, ServiceArn::parse))
    }

    async fn describe_services(
        &self,
        cluster: &ClusterArn,
        services: &[ServiceArn],
    ) -> Result<Described<Service, ServiceArn>, ApiError> {
        if services.is_empty() {
            return Ok(Described::default());
        }
        let request = self.client.describe_services().cluster(cluster.as_str());
        let sent = request.set_services(Some(texts(services, ServiceArn::as_str))).send().await;
        let output = self.calls.finish("ecs:DescribeServices", sent)?;
        let found = output.services().iter().filter_map(|service| convert::service(cluster, service)).collect();
        Ok(Described { found, missing: missing(output.failures(), services, ServiceArn::as_str) })
    }

    async fn list_tasks(&self, cluster: &ClusterArn) -> Result<Vec<TaskArn>, ApiError> {
        self.listed_tasks(cluster, None).await
    }

    async fn list_tasks_of(&self, cluster: &ClusterArn, service: &str) -> Result<Vec<TaskArn>, ApiError> {
        self.listed_tasks(cluster, Some(service.to_owned())).await
    }

    async fn describe_tasks(
        &self,
        cluster: &ClusterArn,
        tasks: &[TaskArn],
    ) -> Result<Described<Task, TaskArn>, ApiError> {
        if tasks.is_empty() {
            return Ok(Described::default());
        }
        let request = self.client.describe_tasks().cluster(cluster.as_str());
        let sent = request.set_tasks(Some(texts(tasks, TaskArn::as_str))).send().await;
        let output = self.calls.finish("ecs:DescribeTasks", sent)?;
        let found = output.tasks().iter().filter_map(|task| convert::task(cluster, task)).collect();
        Ok(Described { found, missing: missing(output.failures(), tasks, TaskArn::as_str) })
    }

    async fn describe_task_definition(&self, arn: &TaskDefinitionArn) -> Result<TaskDefinition, ApiError> {
        const OPERATION: &str = "ecs:DescribeTaskDefinition";
        let sent = self.client.describe_task_definition().task_definition(arn.as_str()).send().await;
        let output = self.calls.finish(OPERATION, sent)?;
        output.task_definition().map(|definition| convert::task_definition(arn, definition)).ok_or_else(|| ApiError {
            operation: OPERATION,
            kind: ApiErrorKind::Other,
            message: format!("the answer for {arn} holds no task definition"),
        })
    }

    async fn list_container_instances(&self, cluster: &ClusterArn) -> Result<Vec<ContainerInstanceArn>, ApiError> {
        let request = self.client.list_container_instances().cluster(cluster.as_str());
        let stream = request.max_results(PAGE).into_paginator().send();
        let operation = "ecs:ListContainerInstances";
        let pages =
            self.calls.pages(operation, stream, |page| page.container_instance_arns.unwrap_or_default()).await?;
        Ok(parsed(&pages, ContainerInstanceArn::parse))
    }

    async fn describe_container_instances(
        &self,
        cluster: &ClusterArn,
        instances: &[ContainerInstanceArn],
    ) -> Result<Described<ContainerInstance, ContainerInstanceArn>, ApiError> {
        if instances.is_empty() {
            return Ok(Described::default());
        }
        let arns = texts(instances, ContainerInstanceArn::as_str);
        let request = self.client.describe_container_instances().cluster(cluster.as_str());
        let sent = request.set_container_instances(Some(arns)).send().await;
        let output = self.calls.finish("ecs:DescribeContainerInstances", sent)?;
        let answered = output.container_instances().iter();
        let found = answered.filter_map(|instance| convert::container_instance(cluster, instance)).collect();
        Ok(Described { found, missing: missing(output.failures(), instances, ContainerInstanceArn::as_str) })
    }
}

/// The ARNs among `texts`; what is none is skipped, because one odd line must not hide a cluster.
fn parsed<T>(texts: &[String], parse: fn(&str) -> Result<T, ArnError>) -> Vec<T> {
    let skip = |error: &ArnError| tracing::warn!(%error, "skipping an entry of a list");
    texts.iter().filter_map(|text| parse(text).inspect_err(skip).ok()).collect()
}

fn texts<T>(ids: &[T], text: fn(&T) -> &str) -> Vec<String> {
    ids.iter().map(|id| text(id).to_owned()).collect()
}

/// Those of `asked` that ECS says do not exist. Other failures say nothing of existence.
fn missing<T: Clone>(failures: &[Failure], asked: &[T], text: fn(&T) -> &str) -> Vec<T> {
    for other in failures.iter().filter(|failure| failure.reason() != Some("MISSING")) {
        tracing::debug!(arn = other.arn(), reason = other.reason(), detail = other.detail(), "ECS did not describe");
    }
    let gone: Vec<_> = failures.iter().filter(|failure| failure.reason() == Some("MISSING")).collect();
    asked.iter().filter(|id| gone.iter().any(|failure| same(failure.arn(), text(id)))).cloned().collect()
}

/// Whether an answer's ARN is the resource that was asked for by name, or by an ARN of the other form. Both are of
/// one kind and one cluster, so the last segments decide.
fn same(answered: Option<&str>, asked: &str) -> bool {
    let last = |text: &str| text.rsplit('/').next().map(str::to_owned);
    answered.is_some_and(|arn| last(arn) == last(asked))
}

#[cfg(test)]
mod tests;
