//! What events make us ask of AWS, put together until it is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::event::ServiceHint;
use crate::ecs::{ClusterArn, ContainerInstanceArn, Ec2InstanceId};
use crate::inventory::ServiceKey;

/// More than this is cheaper to find out by a pass over everything.
const MOST: usize = 2_000;

/// Resources to be described.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asks {
    /// Services, with the load balancers that they declare.
    pub(super) services: BTreeSet<ServiceHint>,
    /// Container instances, with their machines.
    pub(super) hosts: BTreeSet<(ClusterArn, ContainerInstanceArn)>,
    /// EC2 instances.
    pub(super) machines: BTreeSet<(ClusterArn, Ec2InstanceId)>,
    /// EC2 instances that are said to be gone: asked after some time.
    pub(super) departed: BTreeSet<(ClusterArn, Ec2InstanceId)>,
    /// Services that have lost their last task, although they are to have some: asked after some time, if they are
    /// still without.
    pub(super) emptied: BTreeSet<ServiceKey>,
    /// Whether there are task definitions in use that have not been read.
    pub(super) definitions: bool,
}

impl Asks {
    pub(super) fn host(&mut self, cluster: &ClusterArn, host: &ContainerInstanceArn) {
        self.hosts.insert((cluster.clone(), host.clone()));
    }

    pub(super) fn machine(&mut self, cluster: &ClusterArn, machine: &Ec2InstanceId) {
        self.machines.insert((cluster.clone(), machine.clone()));
    }

    /// Adds what `other` asks.
    pub(super) fn extend(&mut self, other: Self) {
        self.services.extend(other.services);
        self.hosts.extend(other.hosts);
        self.machines.extend(other.machines);
        self.departed.extend(other.departed);
        self.emptied.extend(other.emptied);
        self.definitions |= other.definitions;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.definitions
    }

    /// Whether a pass would be cheaper.
    pub(super) fn is_too_much(&self) -> bool {
        self.len() > MOST
    }

    fn len(&self) -> usize {
        self.services.len() + self.hosts.len() + self.machines.len() + self.departed.len() + self.emptied.len()
    }
}

/// The clusters of `ids`, each with its own.
pub(super) fn by_cluster<Id: Ord>(
    ids: impl IntoIterator<Item = (ClusterArn, Id)>,
) -> BTreeMap<ClusterArn, BTreeSet<Id>> {
    let mut clusters: BTreeMap<_, BTreeSet<Id>> = BTreeMap::new();
    for (cluster, id) in ids {
        clusters.entry(cluster).or_default().insert(id);
    }
    clusters
}
