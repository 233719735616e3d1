//! "ECS Container Instance State Change" and "EC2 Instance State-change Notification".

use serde::Deserialize;

use super::Detail;
use crate::ecs::{
    ClusterArn, ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, Ec2InstanceId, Ec2State,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceChange {
    container_instance_arn: ContainerInstanceArn,
    cluster_arn: ClusterArn,
    ec2_instance_id: Ec2InstanceId,
    status: ContainerInstanceStatus,
    version: Option<u64>,
}

impl From<InstanceChange> for ContainerInstance {
    fn from(from: InstanceChange) -> Self {
        Self {
            arn: from.container_instance_arn,
            cluster: from.cluster_arn,
            ec2_instance_id: from.ec2_instance_id,
            status: from.status,
            version: from.version.filter(|version| *version > 0),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ec2Change {
    instance_id: Ec2InstanceId,
    state: Ec2State,
}

impl From<Ec2Change> for Detail {
    fn from(from: Ec2Change) -> Self {
        Self::Ec2Instance { id: from.instance_id, state: from.state }
    }
}
