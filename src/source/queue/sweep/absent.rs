//! Whose host is gone, and for how long: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ecs::Ec2InstanceId;
use crate::source::queue::name;
use crate::source::queue::ports::{QueueUrl, Tags};
use crate::source::queue::reader::{CLUSTER, INSTANCE, OWNER, READ};

/// Looks in a row that have to find the host gone, however long the time between them is.
pub const LOOKS: u32 = 3;

/// A queue that by its name is that of a host which its cluster does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) url: QueueUrl,
    pub(super) cluster: String,
    pub(super) instance: String,
}

/// A queue that an agent has made, as its tags say, on a host that its cluster does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Where it is.
    pub url: QueueUrl,
    /// Name of the cluster.
    pub cluster: String,
    /// The host.
    pub instance: String,
    /// Who has last said to read it, and when. It changes as long as somebody does.
    pub(super) sign: Sign,
}

/// What the reader of a queue has written on it.
pub(super) type Sign = [Option<String>; 2];

impl Named {
    /// Those of `queues` that by their names are of hosts of `cluster` other than `hosts`.
    pub(super) fn among(queues: &[QueueUrl], cluster: &str, hosts: &BTreeSet<Ec2InstanceId>) -> BTreeSet<Self> {
        let of = |url: &QueueUrl| {
            let instance = name::instance(cluster, url.name())?;
            let gone = !hosts.iter().any(|host| host.as_str() == instance);
            gone.then(|| Self { url: url.clone(), cluster: cluster.to_owned(), instance: instance.to_owned() })
        };
        queues.iter().filter_map(of).collect()
    }

    /// What its tags make of it; `None`: a name proves nothing, and they do not say that an agent of this host has
    /// made it.
    pub(super) fn tagged(self, tags: &Tags) -> Option<Abandoned> {
        let says = |key: &str, text: &str| tags.get(key).is_some_and(|value| value == text);
        let ours = says(CLUSTER, &self.cluster) && says(INSTANCE, &self.instance);
        let Self { url, cluster, instance } = self;
        ours.then(|| Abandoned { url, cluster, instance, sign: sign(tags) })
    }
}

/// The sign of life among these tags.
pub(super) fn sign(tags: &Tags) -> Sign {
    [OWNER, READ].map(|key| tags.get(key).cloned())
}

/// Since when hosts have been gone while their queues stayed.
#[derive(Debug, Default)]
pub(super) struct Absences(BTreeMap<QueueUrl, Absence>);

#[derive(Debug)]
struct Absence {
    since: Duration,
    looks: u32,
    sign: Sign,
}

impl Absences {
    /// Takes in what a look at the time `now` has found. Returns what may go: what has been found for `grace`, in
    /// each of at least [`LOOKS`] looks, without a sign of life. What was not found has come back, or was not looked
    /// at; either way its time begins anew.
    pub(super) fn look(&mut self, found: Vec<Abandoned>, now: Duration, grace: Duration) -> Vec<Abandoned> {
        let mut before = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        for queue in found {
            let known = before.remove(&queue.url).filter(|known| known.sign == queue.sign);
            let mut absence = known.unwrap_or_else(|| Absence { since: now, looks: 0, sign: queue.sign.clone() });
            absence.looks = absence.looks.saturating_add(1);
            let is_due = absence.looks >= LOOKS && now.saturating_sub(absence.since) >= grace;
            self.0.insert(queue.url.clone(), absence);
            due.extend(is_due.then_some(queue));
        }
        due
    }

    /// How many hosts are gone while their queues are there.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests;
