//! The load balancers that services declare: classic ones by name, the others through their target groups.
//!
//! One that AWS does not find is delivered as deleted; that the last known name stays in use is the inventory's rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{
    ClusterArn, LoadBalancer, LoadBalancerId, LoadBalancerRef, Service, TargetGroup, TargetGroupArn, Timestamp,
};
use crate::inventory::{Change, Inventory, Resource, ResourceId};
use crate::source::Stopped;
use crate::source::ports::Described;

impl Describer {
    /// Reads what the services of `cluster` declare. What fails is noted; the rest of the pass does not depend on it.
    pub(super) async fn read_balancers(self: &Arc<Self>, cluster: &ClusterArn) -> Result<(), Stopped> {
        let of = cluster.clone();
        let (groups, classic) = self.updates.ask(move |inventory| declared(inventory, &of)).await?;
        tokio::try_join!(self.read_groups(cluster, groups), self.read_classic(cluster, classic))?;
        Ok(())
    }

    async fn read_groups(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        groups: BTreeSet<TargetGroupArn>,
    ) -> Result<(), Stopped> {
        self.describe(
            Call::DescribeTargetGroups,
            cluster,
            groups.clone(),
            |apis, _, groups| async move { apis.load_balancers.describe_target_groups(&groups).await },
            group_changes,
        )
        .await?;
        let balancers = self.updates.ask(move |inventory| -> BTreeSet<LoadBalancerId> {
            let known = groups.iter().filter_map(|group| inventory.target_groups.get(group));
            known.flat_map(|observed| observed.value.load_balancers.iter().cloned()).collect()
        });
        let balancers = balancers.await?;
        self.describe(
            Call::DescribeLoadBalancers,
            cluster,
            balancers,
            |apis, _, ids| async move { apis.load_balancers.describe_load_balancers(&ids).await },
            balancer_changes,
        )
        .await?;
        Ok(())
    }

    async fn read_classic(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        names: BTreeSet<LoadBalancerId>,
    ) -> Result<(), Stopped> {
        self.describe(
            Call::DescribeClassicLoadBalancers,
            cluster,
            names,
            |apis, _, names| async move { apis.load_balancers.describe_classic_load_balancers(&names).await },
            balancer_changes,
        )
        .await?;
        Ok(())
    }
}

fn declared(inventory: &Inventory, cluster: &ClusterArn) -> (BTreeSet<TargetGroupArn>, BTreeSet<LoadBalancerId>) {
    let (mut groups, mut classic) = (BTreeSet::new(), BTreeSet::new());
    let services = inventory.services.values().map(|observed| &observed.value);
    let ours = services.filter(|service| service.cluster == *cluster);
    for reference in ours.flat_map(Service::declared_load_balancers) {
        match reference {
            LoadBalancerRef::TargetGroup(group) => drop(groups.insert(group.clone())),
            LoadBalancerRef::LoadBalancerName(name) => drop(classic.insert(name.clone())),
        }
    }
    (groups, classic)
}

fn group_changes(described: Described<TargetGroup, TargetGroupArn>, at: Timestamp) -> Vec<Change> {
    let found = described.found.into_iter().map(|group| Change::Apply { resource: Resource::TargetGroup(group), at });
    let missing = described.missing.into_iter().map(|arn| Change::Delete { id: ResourceId::TargetGroup(arn), at });
    found.chain(missing).collect()
}

fn balancer_changes(described: Described<LoadBalancer, LoadBalancerId>, at: Timestamp) -> Vec<Change> {
    let found = described.found.into_iter().map(|it| Change::Apply { resource: Resource::LoadBalancer(it), at });
    let missing = described.missing.into_iter().map(|id| Change::Delete { id: ResourceId::LoadBalancer(id), at });
    found.chain(missing).collect()
}
