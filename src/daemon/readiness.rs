//! What `/ready` says: pure.
//!
//! Red means that answers may be wrong or old, not that there are none: the daemon goes on with what it knows.

use std::time::Duration;

use super::feed::{Feed, Prepared};
use crate::ecs::Timestamp;
use crate::http::Readiness;
use crate::source::staleness::{self, age};
use crate::source::status::{StatusReport, shared_queue};
use crate::zone::Sync;

/// A queue that has not answered for this long is too old a source: it is asked every 20 s at least.
const EVENTS_BOUND: Duration = Duration::from_secs(60);

/// Ready once every cluster that is followed, and the hosted zone if a copy of it is kept, has been read, and as long as
/// no source is older than its bound; without a source, at once. `full` is what the inventory holds if it is full, else 0.
pub(super) fn of(
    (feed, reads_zone): (&Prepared, bool),
    sync: &Sync,
    report: &StatusReport,
    full: u64,
    now: Timestamp,
) -> Readiness {
    let mut warnings: Vec<String> = report.failing.iter().map(ToString::to_string).collect();
    warnings.extend(report.events.iter().filter_map(|events| events.shared_with.as_deref().map(shared_queue)));
    if full > 0 {
        warnings.push(format!(
            "the inventory holds {full} services, tasks and container instances, and there is no room for new ones, which \
             have no names: follow fewer clusters, or raise limits.inventory"
        ));
    }
    let mut reasons = unread(feed, sync);
    if reads_zone && report.hosted_zone.is_none() {
        reasons.push("the hosted zone has not been read completely yet".to_owned());
    }
    reasons.extend(too_old(report, now));
    if reasons.is_empty() {
        return Readiness { ready: true, reasons, warnings };
    }
    reasons.extend(warnings);
    Readiness { ready: false, reasons, warnings: Vec::new() }
}

fn unread(feed: &Prepared, sync: &Sync) -> Vec<String> {
    if matches!(feed.feed, Feed::Off) || sync.is_complete() {
        return Vec::new();
    }
    let pending = sync.pending.iter();
    let mut reasons: Vec<String> =
        pending.map(|cluster| format!("cluster {cluster} has not been read completely yet")).collect();
    if feed.clusters.is_empty() && !feed.all {
        reasons.push("no cluster to follow: set ecs.clusters, or ECS_CLUSTER in the agent's configuration".into());
    } else if reasons.is_empty() {
        reasons.push("the list of clusters has not been read yet".into());
    }
    reasons
}

fn too_old(report: &StatusReport, now: Timestamp) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(events) = &report.events
        && age(events.heard, now) > EVENTS_BOUND
    {
        let seconds = age(events.heard, now).as_secs();
        reasons.push(format!("the queue of events has not answered for {seconds} s: changes are found by polling"));
    }
    let stale = staleness::of(report, now);
    reasons.extend(stale.iter().map(|stale| {
        let (name, read, seconds) = (stale.cluster.id(), staleness::seconds(stale.as_of), stale.age(now).as_secs());
        if stale.restored {
            return format!(
                "cluster {name} has not been read since the start: answers are those of before it, as of {read}, \
                 {seconds} s ago"
            );
        }
        format!("cluster {name} was last read completely {seconds} s ago, as of {read}")
    }));
    reasons
}

#[cfg(test)]
mod tests;
