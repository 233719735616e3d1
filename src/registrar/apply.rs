//! Carrying out a plan: requests, their retries, and the names that Route 53 refuses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Registrar;
use crate::register::plan::Purpose;
use crate::register::{Batch, Group, batches};
use crate::route53::{ChangeId, ChangeStatus, HostedZoneId};
use crate::source::pace;
use crate::source::ports::{ApiError, ApiErrorKind};

/// Tries of a request that meets a change under way (`PriorRequestNotComplete`) or the account's limit.
const TRIES: u32 = 6;
/// Groups of one sort that are denied in a row, each by itself, until the others are not asked for.
const DENIALS: u32 = 8;
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

/// Whether such a failure may be that of single groups of a request.
fn is_of_some(kind: ApiErrorKind) -> bool {
    matches!(kind, ApiErrorKind::Rejected | ApiErrorKind::Denied)
}

/// What a policy can tell groups apart by, their names left out: why they change what types.
type Sort = (Purpose, BTreeSet<u16>);

fn sort_of(group: &Group) -> Sort {
    (group.purpose, group.changes.iter().map(|change| change.set.kind.into()).collect())
}

/// Groups that were denied since one of their sort was done.
#[derive(Default)]
struct Denials(BTreeMap<Sort, u32>);

impl Denials {
    /// Counts what was denied. Returns what is given up with it: all of a sort that was denied too often.
    fn add(&mut self, denied: &[Group], waiting: &mut VecDeque<Batch>) -> Vec<Group> {
        for group in denied {
            *self.0.entry(sort_of(group)).or_default() += 1;
        }
        let is_hopeless = |group: &Group| self.0.get(&sort_of(group)).is_some_and(|denials| *denials >= DENIALS);
        let all = waiting.drain(..).map(|batch| batch.groups.into_iter().partition::<Vec<_>, _>(is_hopeless));
        let (hopeless, others): (Vec<_>, Vec<_>) = all.unzip();
        waiting.extend(others.iter().filter(|groups| !groups.is_empty()).map(|groups| Batch::of(groups)));
        hopeless.into_iter().flatten().collect()
    }

    fn forget(&mut self, done: &[Group]) {
        for group in done {
            self.0.remove(&sort_of(group));
        }
    }
}

impl Registrar {
    /// Makes the changes of `groups`, in their order.
    pub async fn apply(&self, zone: &HostedZoneId, groups: Vec<Group>) -> Applied {
        let mut applied = Applied::default();
        let mut changes = Vec::new();
        let mut denials = Denials::default();
        let mut waiting: VecDeque<Batch> = batches(groups).into();
        while let Some(batch) = waiting.pop_front() {
            match self.request(zone, &batch).await {
                Ok(change) => {
                    changes.push(change);
                    denials.forget(&batch.groups);
                    applied.done.extend(batch.groups);
                }
                // Route 53 denies all of a request if the policy denies one change of it.
                Err(error) if is_of_some(error.kind) && batch.groups.len() > 1 => {
                    let (first, second) = batch.groups.split_at(batch.groups.len() / 2);
                    waiting.push_front(Batch::of(second));
                    waiting.push_front(Batch::of(first));
                }
                Err(error) => {
                    let given_up = match error.kind {
                        ApiErrorKind::Rejected => Vec::new(),
                        ApiErrorKind::Denied => denials.add(&batch.groups, &mut waiting),
                        _ => waiting.drain(..).flat_map(|batch| batch.groups).collect(),
                    };
                    let groups = batch.groups.into_iter().chain(given_up);
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
