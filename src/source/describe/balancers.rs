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
use crate::inventory::{Change, Observed, Resource, ResourceId, ServiceKey};
use crate::source::Stopped;
use crate::source::ports::Described;

impl Describer {
    /// Reads what the services of `cluster` declare. What fails is noted; the rest of the pass does not depend on it.
    pub(super) async fn read_balancers(self: &Arc<Self>, cluster: &ClusterArn) -> Result<(), Stopped> {
        let of = cluster.clone();
        let declared = self.updates.ask(move |inventory| {
            declared(inventory.services.iter().filter(|(key, _)| key.cluster == of).map(|(_, observed)| observed))
        });
        self.read_declared(cluster, declared.await?).await
    }

    /// Describes what these services of `cluster` declare.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_balancers(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        services: BTreeSet<ServiceKey>,
    ) -> Result<(), Stopped> {
        let declared = self
            .updates
            .ask(move |inventory| declared(services.iter().filter_map(|service| inventory.services.get(service))));
        self.read_declared(cluster, declared.await?).await
    }

    async fn read_declared(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        (groups, classic): (BTreeSet<TargetGroupArn>, BTreeSet<LoadBalancerId>),
    ) -> Result<(), Stopped> {
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

fn declared<'i>(
    services: impl Iterator<Item = &'i Observed<Service>>,
) -> (BTreeSet<TargetGroupArn>, BTreeSet<LoadBalancerId>) {
    let (mut groups, mut classic) = (BTreeSet::new(), BTreeSet::new());
    for reference in services.flat_map(|observed| observed.value.declared_load_balancers()) {
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
