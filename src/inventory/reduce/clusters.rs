//! Clusters, which take everything in them along when they go.

use std::collections::BTreeSet;

use super::{changed, sweep, touched};
use crate::ecs::{Cluster, ClusterArn, Timestamp};
use crate::inventory::{ClusterRecord, Inventory, Outcome, Subject};

pub(super) fn apply(inventory: &mut Inventory, cluster: Cluster, at: Timestamp) -> Outcome {
    let arn = cluster.arn.clone();
    let Some(record) = inventory.clusters.get_mut(&arn) else {
        inventory.clusters.insert(arn.clone(), ClusterRecord { cluster, at, synced: false });
        return changed([Subject::Cluster(arn)]);
    };
    if record.at > at {
        return Outcome::Stale;
    }
    record.at = at;
    if record.cluster == cluster {
        return Outcome::Unchanged;
    }
    record.cluster = cluster;
    changed([Subject::Cluster(arn)])
}

/// Publishes a cluster, or withholds it. One that we do not know was deleted while the pass over it was under way.
pub(super) fn synced(inventory: &mut Inventory, arn: ClusterArn, synced: bool) -> Outcome {
    match inventory.clusters.get_mut(&arn) {
        None => Outcome::Stale,
        Some(record) if record.synced == synced => Outcome::Unchanged,
        Some(record) => {
            record.synced = synced;
            changed([Subject::Cluster(arn)])
        }
    }
}

pub(super) fn delete(inventory: &mut Inventory, arn: &ClusterArn, at: Timestamp) -> Outcome {
    if inventory.clusters.get(arn).is_some_and(|record| record.at > at) {
        return Outcome::Stale;
    }
    touched(sweep::clusters(inventory, |cluster, seen| cluster == arn && seen <= at))
}

/// Removes the records of the clusters that are `gone`.
pub(super) fn remove(inventory: &mut Inventory, gone: impl Fn(&ClusterArn, Timestamp) -> bool) -> BTreeSet<Subject> {
    let removed = inventory.clusters.extract_if(.., |arn, record| gone(arn, record.at));
    removed.map(|(arn, _)| Subject::Cluster(arn)).collect()
}
