//! Hosts: container instances and the EC2 instances below them.
//!
//! EC2 instances are read in every pass, not only when they are new: their state tells that a host is gone, minutes
//! before ECS notices, and one call reads 200 of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{
    ClusterArn, ContainerInstance, ContainerInstanceArn, ContainerInstanceStatus, Ec2Instance, Ec2InstanceId, Timestamp,
};
use crate::inventory::{Change, Resource, ResourceId, Scope};
use crate::source::Stopped;
use crate::source::ports::Described;

impl Describer {
    /// Reads the container instances of `cluster`, then the machines of all that are known. What fails is noted; the
    /// rest of the pass does not depend on it.
    pub(super) async fn read_hosts(self: &Arc<Self>, cluster: &ClusterArn) -> Result<(), Stopped> {
        self.read_container_instances(cluster).await?;
        let of = cluster.clone();
        let machines = self.updates.ask(move |inventory| -> BTreeSet<Ec2InstanceId> {
            let hosts = inventory.container_instances.values().map(|observed| &observed.value);
            let machines = hosts.filter(|host| host.cluster == of).map(|host| &host.ec2_instance_id);
            machines.filter(|machine| is_ec2(machine)).cloned().collect()
        });
        let machines = machines.await?;
        self.absent().retain(|(of, machine)| of != cluster || machines.contains(machine));
        self.read_machines(cluster, machines).await?;
        Ok(())
    }

    async fn read_machines(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        machines: BTreeSet<Ec2InstanceId>,
    ) -> Result<bool, Stopped> {
        self.describe(
            Call::DescribeInstances,
            cluster,
            machines,
            |apis, _, machines| async move { apis.ec2.describe_instances(&machines).await },
            |described, at| self.machine_changes(cluster, described, at),
        )
        .await
    }

    /// Describes EC2 instances, by the cluster in which they are registered. Returns whether all were answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_machines(
        self: &Arc<Self>,
        machines: BTreeMap<ClusterArn, BTreeSet<Ec2InstanceId>>,
    ) -> Result<bool, Stopped> {
        let mut complete = true;
        for (cluster, machines) in machines {
            complete &= self.read_machines(&cluster, machines.into_iter().filter(is_ec2).collect()).await?;
        }
        Ok(complete)
    }

    /// Describes container instances, by their cluster, and the machines below them. One that is MISSING may be too
    /// young to be known, and stays. Returns whether all were answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_hosts(
        self: &Arc<Self>,
        hosts: BTreeMap<ClusterArn, BTreeSet<ContainerInstanceArn>>,
    ) -> Result<bool, Stopped> {
        let mut complete = true;
        for (cluster, hosts) in hosts {
            complete &= self.describe_container_instances(&cluster, hosts.clone(), &hosts).await?;
            let machines = self.updates.ask(move |inventory| -> BTreeSet<Ec2InstanceId> {
                let hosts = hosts.iter().filter_map(|host| inventory.container_instances.get(host));
                hosts.map(|observed| observed.value.ec2_instance_id.clone()).filter(is_ec2).collect()
            });
            let machines = machines.await?;
            complete &= self.read_machines(&cluster, machines).await?;
        }
        Ok(complete)
    }

    /// EC2 shows a terminated instance for about an hour: one that it does not show at all is more likely a slip of
    /// the answer than gone, and counts as gone only when two passes running did not see it.
    fn machine_changes(
        &self,
        cluster: &ClusterArn,
        described: Described<Ec2Instance, Ec2InstanceId>,
        at: Timestamp,
    ) -> Vec<Change> {
        let mut absent = self.absent();
        for machine in &described.found {
            absent.remove(&(cluster.clone(), machine.id.clone()));
        }
        let gone = described.missing.into_iter().filter(|id| !absent.insert((cluster.clone(), id.clone())));
        let gone = gone.map(|id| Change::Delete { id: ResourceId::Ec2Instance(id), at });
        let apply = |machine| Change::Apply { resource: Resource::Ec2Instance(machine), at };
        described.found.into_iter().map(apply).chain(gone).collect()
    }

    async fn read_container_instances(self: &Arc<Self>, cluster: &ClusterArn) -> Result<(), Stopped> {
        let request = self.apis.ecs.list_container_instances(cluster);
        let list = self.list(Call::ListContainerInstances, cluster, request).await;
        let of = cluster.clone();
        let known = self.updates.ask(move |inventory| -> BTreeSet<ContainerInstanceArn> {
            let hosts = inventory.container_instances.values().map(|observed| &observed.value);
            hosts.filter(|host| host.cluster == of).map(|host| host.arn.clone()).collect()
        });
        let known = known.await?;
        let Some(list) = list else {
            self.describe_container_instances(cluster, known, &BTreeSet::new()).await?;
            return Ok(());
        };
        if self.describe_container_instances(cluster, &list.ids | &known, &list.ids).await? {
            let ids = list.ids.into_iter().map(ResourceId::ContainerInstance).collect();
            let scope = Scope::ContainerInstances(cluster.clone());
            self.deliver(vec![Change::Reset { scope, ids, at: list.at }]).await?;
        }
        Ok(())
    }

    /// Describes container instances of `cluster`. One that is INACTIVE is gone, and so is one that is MISSING unless
    /// a list read just before, `listed`, has it. Returns whether all were answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_container_instances(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        hosts: BTreeSet<ContainerInstanceArn>,
        listed: &BTreeSet<ContainerInstanceArn>,
    ) -> Result<bool, Stopped> {
        self.describe(
            Call::DescribeContainerInstances,
            cluster,
            hosts,
            |apis, cluster, hosts| async move { apis.ecs.describe_container_instances(&cluster, &hosts).await },
            |described, at| host_changes(described, listed, at),
        )
        .await
    }
}

/// Whether EC2 knows it: the `mi-…` of ECS Anywhere are Systems Manager's.
fn is_ec2(machine: &Ec2InstanceId) -> bool {
    machine.as_str().starts_with("i-")
}

fn host_changes(
    described: Described<ContainerInstance, ContainerInstanceArn>,
    listed: &BTreeSet<ContainerInstanceArn>,
    at: Timestamp,
) -> Vec<Change> {
    let found = described.found.into_iter().map(|host| match host.status {
        ContainerInstanceStatus::Inactive => Change::Delete { id: ResourceId::ContainerInstance(host.arn), at },
        _ => Change::Apply { resource: Resource::ContainerInstance(host), at },
    });
    let missing = described.missing.into_iter().filter(|host| !listed.contains(host));
    found.chain(missing.map(|host| Change::Delete { id: ResourceId::ContainerInstance(host), at })).collect()
}
