//! Which hosts a cluster has, for whoever must know that the list is whole.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{ClusterArn, ContainerInstanceArn, ContainerInstanceStatus, Ec2InstanceId};
use crate::source::Stopped;

impl Describer {
    /// The machines that are container instances of the cluster called `wanted` (a name or an ARN), whatever their
    /// state; none of this is put into the inventory. `None`: there is no such cluster, a call failed, or something
    /// that is listed was not described: then nobody can say that a host is gone.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn registered(
        self: &Arc<Self>,
        wanted: &str,
    ) -> Result<Option<(ClusterArn, BTreeSet<Ec2InstanceId>)>, Stopped> {
        let resolved = self.resolve_named(&[wanted.to_owned()]).await?;
        let Some(cluster) = resolved.clusters.into_iter().next().filter(|_| resolved.complete) else {
            return Ok(None);
        };
        let request = self.apis.ecs.list_container_instances(&cluster);
        let Some(listed) = self.list(Call::ListContainerInstances, &cluster, request).await else { return Ok(None) };
        let listed: Vec<ContainerInstanceArn> = listed.ids.into_iter().collect();
        let (mut machines, mut described) = (BTreeSet::new(), 0);
        self.in_batches(
            Call::DescribeContainerInstances,
            &cluster,
            &listed,
            |apis, cluster, hosts| async move { apis.ecs.describe_container_instances(&cluster, &hosts).await },
            |answer, _| {
                described += answer.found.len();
                let there = answer.found.into_iter().filter(|it| it.status != ContainerInstanceStatus::Inactive);
                machines.extend(there.map(|instance| instance.ec2_instance_id));
                ready(Ok(()))
            },
        )
        .await?;
        Ok((described == listed.len()).then_some((cluster, machines)))
    }
}
