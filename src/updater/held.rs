//! What is not published yet, because a first pass after a restart is still under way.
//!
//! The zone of before the restart goes on until then. What events tell is published at once, for the services that they
//! tell of.

use std::collections::BTreeSet;

use crate::ecs::ClusterArn;
use crate::inventory::{Inventory, Subject};
use crate::source::Origin;

/// Clusters that have not been read since the restart, and what has been found of them.
#[derive(Debug, Default)]
pub(super) struct Held {
    clusters: BTreeSet<ClusterArn>,
    subjects: BTreeSet<Subject>,
}

impl Held {
    /// Holds what passes find until they are through these clusters.
    pub(super) fn until_read(clusters: BTreeSet<ClusterArn>) -> Self {
        Self { clusters, subjects: BTreeSet::new() }
    }

    /// Whether every cluster has been read.
    pub(super) fn is_over(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Subjects that are not published as they are known.
    pub(super) fn len(&self) -> usize {
        self.subjects.len()
    }

    /// A pass over `cluster` is through: what can be published of it now. Tasks without a service and hosts do not say
    /// which cluster they are of, so any pass releases them.
    pub(super) fn release(&mut self, cluster: &ClusterArn) -> BTreeSet<Subject> {
        self.clusters.remove(cluster);
        self.subjects.extract_if(.., |subject| !is_of_others(&self.clusters, subject)).collect()
    }

    /// Of `subjects`, those that are published now.
    pub(super) fn sift(
        &mut self,
        subjects: BTreeSet<Subject>,
        origin: Origin,
        inventory: &Inventory,
    ) -> BTreeSet<Subject> {
        if self.clusters.is_empty() || origin == Origin::Event {
            return subjects;
        }
        // One that is gone will not be read.
        self.clusters.retain(|cluster| inventory.clusters.contains_key(cluster));
        let (mut now, later): (BTreeSet<_>, BTreeSet<_>) = subjects.into_iter().partition(|subject| match subject {
            Subject::Service(key) => !self.clusters.contains(&key.cluster),
            Subject::Task(_) | Subject::Host(_) => self.clusters.is_empty(),
            Subject::Cluster(_) => true,
        });
        self.subjects.extend(later);
        if self.clusters.is_empty() {
            now.append(&mut self.subjects);
        }
        now
    }
}

/// Whether a subject is of a cluster that is still to be read.
fn is_of_others(clusters: &BTreeSet<ClusterArn>, subject: &Subject) -> bool {
    matches!(subject, Subject::Service(key) if clusters.contains(&key.cluster))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reduce::samples::{World, apply, cluster, cluster_arn, key, prod};
    use crate::inventory::{Resource, ServiceKey};

    fn web() -> BTreeSet<Subject> {
        [Subject::Service(key("web"))].into()
    }

    fn batch() -> BTreeSet<Subject> {
        [Subject::Service(ServiceKey::new(&cluster_arn("batch"), "web"))].into()
    }

    #[test]
    fn a_pass_is_held_until_it_is_through() {
        let inventory = World::after([apply(Resource::Cluster(cluster("prod")), 0)]).0;
        let mut held = Held::until_read([prod()].into());
        assert!(held.sift(web(), Origin::Read, &inventory).is_empty());
        assert_eq!(held.sift(batch(), Origin::Read, &inventory), batch(), "another cluster");
        assert_eq!(held.sift(web(), Origin::Event, &inventory), web(), "an event is served at once");
        assert_eq!((held.len(), held.is_over()), (1, false));
        assert_eq!(held.release(&prod()), web());
        assert_eq!((held.len(), held.is_over()), (0, true));
        assert_eq!(held.sift(web(), Origin::Read, &inventory), web());
    }

    #[test]
    fn a_cluster_that_is_gone_holds_nothing() {
        let inventory = World::default().0;
        let mut held = Held::until_read([prod()].into());
        held.subjects = batch();
        let both: BTreeSet<_> = web().into_iter().chain(batch()).collect();
        assert_eq!(held.sift(web(), Origin::Read, &inventory), both);
        assert!(held.is_over());
    }
}
