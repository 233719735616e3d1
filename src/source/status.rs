//! How the sources are doing: what `/ready` and `/metrics` tell, and the log lines that go with it.
//!
//! Sources write, everybody reads. The lock is held to copy a few values, never across a wait.

mod ledger;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{error, info, warn};

use super::pace::Interval;
use super::ports::ApiError;
use crate::ecs::{ClusterArn, Timestamp};
use ledger::{Ledger, Notice};

pub use ledger::FailingCall;

/// The state of the sources. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub struct SourceStatus(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    report: StatusReport,
    ledger: Ledger,
    /// The interval that the log last told of.
    told: Option<Interval>,
}

/// The state of the sources at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusReport {
    /// When the last complete pass over each cluster began. A cluster that has had none is not here.
    pub complete: BTreeMap<ClusterArn, Timestamp>,
    /// The same for clusters that are known from before the restart alone.
    pub restored: BTreeMap<ClusterArn, Timestamp>,
    /// When the last complete read of the hosted zone began.
    pub hosted_zone: Option<Timestamp>,
    /// Calls that fail at present.
    pub failing: Vec<FailingCall>,
    /// The interval between passes, once one is through.
    pub interval: Option<Interval>,
    /// How long the last pass took.
    pub last_pass: Option<Duration>,
    /// Passes in which everything that has to succeed did.
    pub complete_passes: u64,
    /// Passes in which something that has to succeed failed.
    pub incomplete_passes: u64,
    /// Task definitions that are in use and not read yet.
    pub unread_definitions: usize,
    /// The queue of events, if there is to be one.
    pub events: Option<EventsReport>,
}

/// How the queue of events is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsReport {
    /// When it last answered, with messages or with none; before the first answer, when we began to ask.
    pub heard: Timestamp,
    /// Who else reads it and takes messages from us.
    pub shared_with: Option<String>,
}

impl StatusReport {
    /// When the last complete pass over each cluster began, before the restart or after it.
    #[must_use]
    pub fn read(&self) -> BTreeMap<ClusterArn, Timestamp> {
        self.restored.iter().chain(&self.complete).map(|(cluster, at)| (cluster.clone(), *at)).collect()
    }
}

impl SourceStatus {
    /// A copy of everything.
    #[must_use]
    pub fn report(&self) -> StatusReport {
        let state = self.lock();
        StatusReport { failing: state.ledger.failing(), ..state.report.clone() }
    }

    /// Notes whether `call` works, for `scope` (a cluster, as people know it) if it belongs to one. All batches of
    /// one pass count as one. Logs when that changes, and now and then while it fails.
    pub fn settle(&self, call: &'static str, scope: Option<&str>, outcome: Result<(), &ApiError>, now: Timestamp) {
        let notice = self.lock().ledger.settle(call, scope, outcome, now);
        match notice {
            None => {}
            Some(Notice::Started(failing)) => warn!(operation = failing.operation, "{failing}"),
            Some(Notice::Still(failing)) => warn!(operation = failing.operation, "still: {failing}"),
            Some(Notice::Recovered(failing)) => {
                info!(operation = failing.operation, "works again: {call}, which had failed since {}", failing.since);
            }
        }
    }

    /// A complete pass over `cluster`, begun at `at`, is served.
    pub fn complete(&self, cluster: &ClusterArn, at: Timestamp) {
        let report = &mut self.lock().report;
        report.restored.remove(cluster);
        report.complete.insert(cluster.clone(), at);
    }

    /// These clusters are known from before the restart, each by a pass that began then.
    pub fn restored(&self, clusters: BTreeMap<ClusterArn, Timestamp>) {
        self.lock().report.restored = clusters;
    }

    /// A complete read of the hosted zone, begun at `at`, is served.
    pub fn hosted_zone(&self, at: Timestamp) {
        self.lock().report.hosted_zone = Some(at);
    }

    /// `cluster` is no longer followed.
    pub fn forget(&self, cluster: &ClusterArn) {
        let mut state = self.lock();
        state.report.complete.remove(cluster);
        state.report.restored.remove(cluster);
        state.ledger.forget(cluster.id());
    }

    /// A pass over all clusters is through.
    pub fn passed(&self, took: Duration, complete: bool) {
        let report = &mut self.lock().report;
        report.last_pass = Some(took);
        let count = if complete { &mut report.complete_passes } else { &mut report.incomplete_passes };
        *count = count.saturating_add(1);
    }

    /// The interval from now on. Logs when it is stretched, no longer stretched, or changes by a quarter.
    pub fn pace(&self, interval: Interval) {
        let mut state = self.lock();
        state.report.interval = Some(interval);
        if !is_news(state.told.as_ref(), &interval) {
            return;
        }
        state.told = Some(interval);
        drop(state);
        let Interval { configured, effective, limited_by, agents } = interval;
        match limited_by {
            Some(bucket) => info!(
                "the interval between reads is stretched from {configured:?} to {effective:?}: {agents} agents share AWS's limit on \
                 reading {}",
                bucket.label()
            ),
            None => info!("the interval between reads is {effective:?}, as configured"),
        }
    }

    /// The queue of events has answered, or, the first time, is asked from `now` on.
    pub fn heard(&self, now: Timestamp) {
        let report = &mut self.lock().report;
        match &mut report.events {
            Some(events) => events.heard = now,
            None => report.events = Some(EventsReport { heard: now, shared_with: None }),
        }
    }

    /// Somebody else reads the queue of events, or nobody does any more. Logs when that changes.
    pub fn shares_queue(&self, with: Option<&str>) {
        let mut state = self.lock();
        let Some(events) = &mut state.report.events else { return };
        if events.shared_with.as_deref() == with {
            return;
        }
        events.shared_with = with.map(str::to_owned);
        drop(state);
        match with {
            Some(other) => error!("{}", shared_queue(other)),
            None => info!("nobody else reads the queue of events any more"),
        }
    }

    /// How many task definitions are still to be read.
    pub fn unread_definitions(&self, count: usize) {
        self.lock().report.unread_definitions = count;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every value is whole at all times, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to say when `other` reads our queue.
#[must_use]
pub fn shared_queue(other: &str) -> String {
    format!(
        "the queue of events is also read by {other}: SQS gives each message to one reader, so both see only a part \
         of the changes; give each agent a queue of its own (events.topic_arn makes one)"
    )
}

/// Whether people should hear of `now`, when they last heard of `told`.
fn is_news(told: Option<&Interval>, now: &Interval) -> bool {
    match (told.filter(|told| told.limited_by.is_some()), now.limited_by) {
        (None, stretched) => stretched.is_some(),
        (Some(_), None) => true,
        (Some(told), Some(_)) => told.effective.abs_diff(now.effective) > told.effective / 4,
    }
}

#[cfg(test)]
mod tests;
