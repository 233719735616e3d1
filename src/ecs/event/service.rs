//! "ECS Service Action" and "ECS Deployment State Change": the service is the event's resource. Only the former has
//! `detail.clusterArn`; else the cluster is read off the service's ARN.

use serde::Deserialize;

use super::envelope::Envelope;
use super::{EventError, ServiceHint, detail, read};
use crate::ecs::{ClusterArn, ServiceArn};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceEvent {
    #[serde(default, deserialize_with = "read::optional")]
    cluster_arn: Option<ClusterArn>,
}

pub(super) fn hint(envelope: &Envelope<'_>) -> Result<ServiceHint, EventError> {
    let wrong = |why: &str| EventError::detail(&envelope.detail_type, &why);
    let event: ServiceEvent = detail(envelope)?;
    let service = envelope.resources.iter().find_map(|resource| ServiceArn::parse(resource).ok());
    let service = service.ok_or_else(|| wrong("none of its `resources` is the ARN of a service"))?;
    let cluster = event.cluster_arn.or_else(|| service.cluster());
    let cluster = cluster.ok_or_else(|| wrong("neither `detail.clusterArn` nor the service's ARN names a cluster"))?;
    Ok(ServiceHint { cluster, service })
}
