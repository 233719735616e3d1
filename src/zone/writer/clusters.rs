//! What is known of clusters as a whole.

use std::collections::BTreeSet;

use crate::ecs::ClusterArn;
use crate::inventory::{Inventory, Subject};
use crate::zone::Sync;
use crate::zone::naming::Forms;
use crate::zone::settings::Settings;

/// The clusters that are followed but not read yet.
pub(super) fn sync_state(inventory: &Inventory, settings: &Settings) -> Sync {
    let known = |wanted: &str| {
        let mut records = inventory.clusters.values();
        records.find(|record| record.cluster.name == wanted || record.cluster.arn.as_str() == wanted)
    };
    let labels = |name: &str| -> Vec<String> {
        let forms = Forms::of(name.rsplit('/').next().unwrap_or(name));
        forms.iter().map(|(_, label)| label.to_owned()).collect()
    };
    let unread = settings.default_clusters.iter().filter(|wanted| known(wanted).is_none_or(|record| !record.synced));
    let mut pending: Vec<String> = unread.flat_map(|wanted| labels(wanted)).collect();
    let incomplete = settings.all_clusters && inventory.clusters.is_empty();
    let default_pending = !pending.is_empty() || incomplete;
    let others = inventory.clusters.values().filter(|record| !record.synced);
    pending.extend(others.flat_map(|record| labels(&record.cluster.name)));
    pending.sort();
    pending.dedup();
    Sync { pending, default_pending, incomplete }
}

/// Whether the subject may be of such a cluster.
pub(super) fn touches(subject: &Subject, within: &dyn Fn(&ClusterArn) -> bool) -> bool {
    match subject {
        Subject::Service(key) => within(&key.cluster),
        // A fragment does not say which cluster its task or host is in; to look at a few too many costs little.
        Subject::Task(_) | Subject::Host(_) => true,
        Subject::Cluster(_) => false,
    }
}

/// What is in such clusters.
pub(super) fn of_inventory(inventory: &Inventory, within: &dyn Fn(&ClusterArn) -> bool) -> BTreeSet<Subject> {
    let services = inventory.services.keys().filter(|key| within(&key.cluster)).cloned().map(Subject::Service);
    let tasks =
        inventory.tasks.values().filter(|record| record.task.service_name().is_none() && within(&record.task.cluster));
    let hosts = inventory.container_instances.values().filter(|host| within(&host.value.cluster));
    let tasks = tasks.map(|record| Subject::Task(record.task.arn.clone()));
    services.chain(tasks).chain(hosts.map(|host| Subject::Host(host.value.arn.clone()))).collect()
}
