//! Carrying out a plan: requests, their retries, and the names that Route 53 refuses.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Registrar;
use crate::register::{Batch, Group, batches};
use crate::route53::{ChangeId, ChangeStatus, HostedZoneId};
use crate::source::pace;
use crate::source::ports::{ApiError, ApiErrorKind};

/// Tries of a request that meets a change under way (`PriorRequestNotComplete`) or the account's limit.
const TRIES: u32 = 6;
/// Longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Time between two questions whether a change has arrived everywhere.
const POLL: Duration = Duration::from_secs(2);

/// A group that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The group, none of whose changes was made.
    pub group: Group,
    /// Why.
    pub error: ApiError,
}

/// What became of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Groups that are in the zone now.
    pub done: Vec<Group>,
    /// Groups that are not.
    pub failed: Vec<Failed>,
    /// Whether some of Route 53's servers may not have all of it yet.
    pub pending: bool,
}

impl Registrar {
    /// Makes the changes of `groups`, in their order.
    pub async fn apply(&self, zone: &HostedZoneId, groups: Vec<Group>) -> Applied {
        let mut applied = Applied::default();
        let mut changes = Vec::new();
        let mut waiting: VecDeque<Batch> = batches(groups).into();
        while let Some(batch) = waiting.pop_front() {
            match self.request(zone, &batch).await {
                Ok(change) => {
                    changes.push(change);
                    applied.done.extend(batch.groups);
                }
                Err(error) if error.kind == ApiErrorKind::Rejected && batch.groups.len() > 1 => {
                    let (first, second) = batch.groups.split_at(batch.groups.len() / 2);
                    waiting.push_front(Batch::of(second));
                    waiting.push_front(Batch::of(first));
                }
                Err(error) => {
                    let given_up =
                        if error.kind == ApiErrorKind::Rejected { Vec::new() } else { waiting.drain(..).collect() };
                    let groups = std::iter::once(batch).chain(given_up).flat_map(|batch| batch.groups);
                    applied.failed.extend(groups.map(|group| Failed { group, error: error.clone() }));
                }
            }
        }
        applied.pending = !self.arrived(changes).await;
        applied
    }

    /// One request, tried again while another change of the zone is under way or the account is over its rate.
    async fn request(&self, zone: &HostedZoneId, batch: &Batch) -> Result<ChangeId, ApiError> {
        let changes = batch.changes();
        let mut tries = 1;
        loop {
            match self.api.change_record_sets(zone, &changes).await {
                Err(error) if error.kind == ApiErrorKind::Throttled && tries < TRIES => {
                    tracing::debug!(%error, "try {tries} of {TRIES}");
                    sleep(pace::jittered(pace::backoff(tries, LONGEST_PAUSE), fastrand::f64())).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// Waits until all of Route 53's servers have these changes. False: they may not.
    async fn arrived(&self, changes: Vec<ChangeId>) -> bool {
        let until = Instant::now() + self.wait;
        for change in changes {
            loop {
                if Instant::now() >= until {
                    return false;
                }
                match self.api.change_status(&change).await {
                    Ok(ChangeStatus::InSync) => break,
                    Ok(ChangeStatus::Pending) => sleep(POLL).await,
                    Err(error) if error.kind == ApiErrorKind::Throttled => sleep(POLL).await,
                    Err(error) => {
                        tracing::warn!(%error, "whether the change has arrived is not known");
                        return false;
                    }
                }
            }
        }
        true
    }
}
