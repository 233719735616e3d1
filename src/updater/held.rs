//! What is not published yet, because a first pass after a restart is still under way.
//!
//! Such a pass finds old tasks gone before it finds those that came for them; until it is through, well or not, the zone of
//! before the restart goes on. What events tell is published at once, for the services that they tell of.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::ecs::ClusterArn;
use crate::inventory::{Inventory, Subject};
use crate::source::Origin;

/// Longest that anything is held: a pass whose calls hang must not keep what it has found for itself.
pub(super) const LONGEST: Duration = Duration::from_secs(300);

/// Clusters that no pass has been through since the restart, and what has been found of them.
#[derive(Debug, Default)]
pub(super) struct Held {
    clusters: BTreeSet<ClusterArn>,
    subjects: BTreeSet<Subject>,
    /// When the first of them was found.
    since: Option<Instant>,
    /// Clusters that have not been read whole since the restart.
    unread: BTreeSet<ClusterArn>,
}

impl Held {
    /// Holds what passes find until they are through these clusters.
    pub(super) fn until_passed(clusters: BTreeSet<ClusterArn>) -> Self {
        Self { unread: clusters.clone(), clusters, ..Self::default() }
    }

    /// Whether every cluster has been read whole: from then on a change that no event has told of was missed by them.
    pub(super) fn is_all_read(&self) -> bool {
        self.unread.is_empty()
    }

    /// A cluster has been read whole.
    pub(super) fn read(&mut self, cluster: &ClusterArn) {
        self.unread.remove(cluster);
    }

    /// Subjects that are not published as they are known.
    pub(super) fn subjects(&self) -> &BTreeSet<Subject> {
        &self.subjects
    }

    /// When to [give up](Self::give_up), if not everything has been released by then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.since? + LONGEST)
    }

    /// A pass over `cluster` is through, or nothing of it is to be published any more: returns what can be published now.
    /// Tasks without a service and hosts do not say which cluster they are of, so any pass releases them.
    pub(super) fn release(&mut self, cluster: &ClusterArn) -> BTreeSet<Subject> {
        self.clusters.remove(cluster);
        self.released()
    }

    /// What has been held for too long, with everything that is still to be found of the same clusters.
    pub(super) fn give_up(&mut self) -> BTreeSet<Subject> {
        let of = |subject: &Subject| match subject {
            Subject::Service(key) => Some(key.cluster.clone()),
            _ => None,
        };
        let late: BTreeSet<_> = self.subjects.iter().filter_map(of).collect();
        self.clusters.retain(|cluster| !late.contains(cluster));
        self.released()
    }

    /// Of `subjects`, those that are published now.
    pub(super) fn sift(
        &mut self,
        subjects: BTreeSet<Subject>,
        origin: Origin,
        inventory: &Inventory,
        now: Instant,
    ) -> BTreeSet<Subject> {
        // One that is gone will not be read.
        self.unread.retain(|cluster| inventory.clusters.contains_key(cluster));
        if self.clusters.is_empty() || origin == Origin::Event {
            return subjects;
        }
        let all = self.clusters.len();
        self.clusters.retain(|cluster| inventory.clusters.contains_key(cluster));
        let mut published = if self.clusters.len() < all { self.released() } else { BTreeSet::new() };
        let (mut open, later): (BTreeSet<_>, BTreeSet<_>) = subjects.into_iter().partition(|subject| match subject {
            Subject::Service(key) => !self.clusters.contains(&key.cluster),
            Subject::Task(_) | Subject::Host(_) => self.clusters.is_empty(),
            Subject::Cluster(_) => true,
        });
        published.append(&mut open);
        self.subjects.extend(later);
        self.since = self.since.or(Some(now)).filter(|_| !self.subjects.is_empty());
        published
    }

    /// What is of no cluster that still holds it.
    fn released(&mut self) -> BTreeSet<Subject> {
        let released = self.subjects.extract_if(.., |subject| !is_of_others(&self.clusters, subject)).collect();
        self.since = self.since.filter(|_| !self.subjects.is_empty());
        released
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

    /// An inventory of these clusters.
    fn known(names: &[&str]) -> Inventory {
        World::after(names.iter().map(|name| apply(Resource::Cluster(cluster(name)), 0))).0
    }

    #[test]
    fn a_pass_is_held_until_it_is_through() {
        let (inventory, now) = (known(&["prod"]), Instant::now());
        let mut held = Held::until_passed([prod()].into());
        assert!(held.sift(web(), Origin::Read, &inventory, now).is_empty());
        assert_eq!(held.sift(batch(), Origin::Read, &inventory, now), batch(), "another cluster");
        assert_eq!(held.sift(web(), Origin::Event, &inventory, now), web(), "an event is served at once");
        assert_eq!((held.subjects(), held.deadline()), (&web(), Some(now + LONGEST)));
        assert_eq!(held.release(&prod()), web());
        assert_eq!((held.subjects().len(), held.deadline()), (0, None));
        assert_eq!(held.sift(web(), Origin::Read, &inventory, now), web());
        assert!(!held.is_all_read(), "the pass was not complete");
        held.read(&prod());
        assert!(held.is_all_read());
    }

    #[test]
    fn a_cluster_that_is_gone_holds_nothing() {
        let now = Instant::now();
        let mut held = Held::until_passed([prod(), cluster_arn("batch")].into());
        assert!(held.sift(batch(), Origin::Read, &known(&["prod", "batch"]), now).is_empty());
        assert_eq!(held.sift(web(), Origin::Read, &known(&["prod"]), now), batch(), "the other goes on");
        assert_eq!(held.sift(BTreeSet::new(), Origin::Read, &known(&[]), now), web());
        assert!(held.is_all_read() && held.deadline().is_none());
    }

    #[test]
    fn what_has_been_held_for_too_long_is_given_up_with_its_cluster_alone() {
        let (inventory, now) = (known(&["prod", "batch"]), Instant::now());
        let mut held = Held::until_passed([prod(), cluster_arn("batch")].into());
        held.sift(web(), Origin::Read, &inventory, now);
        assert_eq!(held.give_up(), web());
        assert_eq!(held.deadline(), None);
        assert_eq!(held.sift(web(), Origin::Read, &inventory, now), web());
        assert!(held.sift(batch(), Origin::Read, &inventory, now + LONGEST).is_empty());
        assert_eq!(held.deadline(), Some(now + LONGEST * 2));
    }
}
